# SPDX-License-Identifier: Apache-2.0
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

CALL: FrameKind
CANCEL: FrameKind
CHUNK: FrameKind
DESCRIPTOR: _descriptor.FileDescriptor
DONE: FrameKind
FETCH: FrameKind
FORGET: FrameKind
HEARTBEAT: FrameKind
HELLO: FrameKind
LOG: FrameKind
MISSING: FrameKind
NONE: FrameKind
OBJECTS: FrameKind
PROGRESS: FrameKind
RECIPE: FrameKind
REFUSED: FrameKind
RETURNED: FrameKind
SHUTDOWN: FrameKind
STARTED: FrameKind
WELCOME: FrameKind

class Call(_message.Message):
    __slots__ = ["inputs", "model", "number", "output_only", "outputs", "phase", "piece", "rank", "recipe", "test_side", "timed", "wants_output"]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_ONLY_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    PIECE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    TEST_SIDE_FIELD_NUMBER: _ClassVar[int]
    TIMED_FIELD_NUMBER: _ClassVar[int]
    WANTS_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    inputs: _containers.RepeatedCompositeFieldContainer[Input]
    model: Input
    number: int
    output_only: bool
    outputs: _containers.RepeatedScalarFieldContainer[int]
    phase: int
    piece: int
    rank: int
    recipe: int
    test_side: bool
    timed: bool
    wants_output: bool
    def __init__(self, number: _Optional[int] = ..., recipe: _Optional[int] = ..., phase: _Optional[int] = ..., piece: _Optional[int] = ..., test_side: bool = ..., wants_output: bool = ..., output_only: bool = ..., inputs: _Optional[_Iterable[_Union[Input, _Mapping]]] = ..., model: _Optional[_Union[Input, _Mapping]] = ..., outputs: _Optional[_Iterable[int]] = ..., rank: _Optional[int] = ..., timed: bool = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ["call", "recall"]
    CALL_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    call: int
    recall: bool
    def __init__(self, call: _Optional[int] = ..., recall: bool = ...) -> None: ...

class Done(_message.Message):
    __slots__ = ["call", "end_us", "error", "lost_object", "outputs", "start_us"]
    CALL_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    LOST_OBJECT_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    call: int
    end_us: int
    error: Error
    lost_object: int
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    start_us: int
    def __init__(self, call: _Optional[int] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., lost_object: _Optional[int] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ["advice", "code", "message"]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    advice: str
    code: int
    message: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., advice: _Optional[str] = ...) -> None: ...

class Fetch(_message.Message):
    __slots__ = ["object", "token"]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    object: int
    token: bytes
    def __init__(self, object: _Optional[int] = ..., token: _Optional[bytes] = ...) -> None: ...

class Forget(_message.Message):
    __slots__ = ["objects"]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    objects: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, objects: _Optional[_Iterable[int]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ["cpu_seconds", "object_bytes", "pressure", "rss_bytes", "spilled_bytes"]
    CPU_SECONDS_FIELD_NUMBER: _ClassVar[int]
    OBJECT_BYTES_FIELD_NUMBER: _ClassVar[int]
    PRESSURE_FIELD_NUMBER: _ClassVar[int]
    RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    SPILLED_BYTES_FIELD_NUMBER: _ClassVar[int]
    cpu_seconds: float
    object_bytes: int
    pressure: bool
    rss_bytes: int
    spilled_bytes: int
    def __init__(self, rss_bytes: _Optional[int] = ..., object_bytes: _Optional[int] = ..., spilled_bytes: _Optional[int] = ..., cpu_seconds: _Optional[float] = ..., pressure: bool = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ["data_addresses", "host", "host_name", "language", "pack_abi", "pid", "protocol", "resources", "slot", "token", "version"]
    DATA_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    HOST_NAME_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    PACK_ABI_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    data_addresses: _containers.RepeatedScalarFieldContainer[str]
    host: str
    host_name: str
    language: str
    pack_abi: int
    pid: int
    protocol: int
    resources: Resources
    slot: str
    token: bytes
    version: str
    def __init__(self, protocol: _Optional[int] = ..., version: _Optional[str] = ..., pack_abi: _Optional[int] = ..., token: _Optional[bytes] = ..., host: _Optional[str] = ..., host_name: _Optional[str] = ..., pid: _Optional[int] = ..., resources: _Optional[_Union[Resources, _Mapping]] = ..., language: _Optional[str] = ..., slot: _Optional[str] = ..., data_addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class Input(_message.Message):
    __slots__ = ["descriptor", "inline", "object", "peers", "size"]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    INLINE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    descriptor: int
    inline: bytes
    object: int
    peers: _containers.RepeatedScalarFieldContainer[str]
    size: int
    def __init__(self, object: _Optional[int] = ..., size: _Optional[int] = ..., inline: _Optional[bytes] = ..., descriptor: _Optional[int] = ..., peers: _Optional[_Iterable[str]] = ...) -> None: ...

class Log(_message.Message):
    __slots__ = ["level", "text"]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    level: int
    text: str
    def __init__(self, level: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class Missing(_message.Message):
    __slots__ = ["object"]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    object: int
    def __init__(self, object: _Optional[int] = ...) -> None: ...

class Objects(_message.Message):
    __slots__ = ["objects"]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    objects: _containers.RepeatedCompositeFieldContainer[Input]
    def __init__(self, objects: _Optional[_Iterable[_Union[Input, _Mapping]]] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ["descriptor", "inline", "kind", "object", "size"]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    INLINE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    descriptor: int
    inline: bytes
    kind: int
    object: int
    size: int
    def __init__(self, object: _Optional[int] = ..., kind: _Optional[int] = ..., size: _Optional[int] = ..., inline: _Optional[bytes] = ..., descriptor: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ["call", "share"]
    CALL_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    call: int
    share: float
    def __init__(self, call: _Optional[int] = ..., share: _Optional[float] = ...) -> None: ...

class Recipe(_message.Message):
    __slots__ = ["folder", "metrics", "node", "number", "op", "own_fit_output", "params", "seed", "shard", "threads"]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    OWN_FIT_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    folder: str
    metrics: _containers.RepeatedScalarFieldContainer[str]
    node: str
    number: int
    op: str
    own_fit_output: bool
    params: str
    seed: int
    shard: Shard
    threads: int
    def __init__(self, number: _Optional[int] = ..., op: _Optional[str] = ..., params: _Optional[str] = ..., node: _Optional[str] = ..., seed: _Optional[int] = ..., metrics: _Optional[_Iterable[str]] = ..., threads: _Optional[int] = ..., folder: _Optional[str] = ..., shard: _Optional[_Union[Shard, _Mapping]] = ..., own_fit_output: bool = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ["advice", "code", "message"]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    advice: str
    code: int
    message: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., advice: _Optional[str] = ...) -> None: ...

class Resources(_message.Message):
    __slots__ = ["cpu", "custom", "gpu", "memory_bytes"]
    class CustomEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    CPU_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    GPU_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    cpu: float
    custom: _containers.ScalarMap[str, float]
    gpu: float
    memory_bytes: int
    def __init__(self, cpu: _Optional[float] = ..., memory_bytes: _Optional[int] = ..., gpu: _Optional[float] = ..., custom: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Returned(_message.Message):
    __slots__ = ["call"]
    CALL_FIELD_NUMBER: _ClassVar[int]
    call: int
    def __init__(self, call: _Optional[int] = ...) -> None: ...

class Shard(_message.Message):
    __slots__ = ["by", "parts"]
    BY_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    by: str
    parts: int
    def __init__(self, parts: _Optional[int] = ..., by: _Optional[str] = ...) -> None: ...

class Shutdown(_message.Message):
    __slots__ = ["reason"]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ["call"]
    CALL_FIELD_NUMBER: _ClassVar[int]
    call: int
    def __init__(self, call: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ["data_token", "heartbeat_ms", "inline_max", "silence_ms", "spill_folder", "worker"]
    DATA_TOKEN_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    INLINE_MAX_FIELD_NUMBER: _ClassVar[int]
    SILENCE_MS_FIELD_NUMBER: _ClassVar[int]
    SPILL_FOLDER_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    data_token: bytes
    heartbeat_ms: int
    inline_max: int
    silence_ms: int
    spill_folder: str
    worker: int
    def __init__(self, worker: _Optional[int] = ..., heartbeat_ms: _Optional[int] = ..., silence_ms: _Optional[int] = ..., inline_max: _Optional[int] = ..., spill_folder: _Optional[str] = ..., data_token: _Optional[bytes] = ...) -> None: ...

class FrameKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
