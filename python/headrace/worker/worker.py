# SPDX-License-Identifier: Apache-2.0
"""The worker itself: it takes calls, sees to it that their objects are here, runs them in order and reports."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable, Deque, Dict, List, Optional, Set

from headrace.calls import Context, Work, perform
from headrace.checksum import Buffer
from headrace.errors import CODES, HeadraceError, error
from headrace.objects import encoded_pieces, kind_of, size_of
from headrace.operators import OPERATOR
from headrace.values import from_yaml
from headrace.wire import worker_pb2 as wire
from headrace.wire.blob import Blob
from headrace.wire.channel import Address, Channel, Frame, connect
from headrace.worker import host
from headrace.worker.failures import Stopped, describe, whole
from headrace.worker.objects import Incoming, ObjectTable, chunks
from headrace.worker.relay import LEVEL_ERROR, Relay

PROTOCOL = 1
_STOP_SECONDS = 2.0  # user code that does not end for so long after a cancel takes the worker with it
_SILENCE_SECONDS = 60.0  # only a driver on another host can vanish without an end of file
_FETCHES = 4
_STOP_SIGNAL = signal.SIGUSR1


@dataclass
class Options:
    driver: Address
    token: str
    slot: str = ""
    cpu: float = 1.0
    memory_bytes: int = 0
    gpu: float = 0.0


@dataclass
class Call:
    """A call that waits for its objects or its turn, or runs."""

    message: Any
    recipe: Any
    missing: Set[int] = field(default_factory=set)
    failed: Optional[HeadraceError] = None
    lost: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def number(self) -> int:
        return int(self.message.number)


class Worker:
    """Threads: `run` is the main thread's; see the package."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._objects = ObjectTable()
        self._incoming = Incoming()
        self._recipes: Dict[int, Any] = {}
        self._welcome: Any = None
        self._pressure = False
        self._heard = time.monotonic()
        self._lock = threading.Condition()  # guards from here ...
        self._waiting: Dict[int, Call] = {}  # for objects
        self._queue: Deque[Call] = deque()
        self._running: Optional[Call] = None
        self._ended: Optional[int] = None  # ... to here: the exit code
        self._interruptible: Optional[int] = None  # the call whose user code runs; main thread only
        self._fetchers: Optional[ThreadPoolExecutor] = None
        self._relay = Relay(self._log)
        self._channel: Channel

    # --- start and end ---------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Works until the driver says so or goes; returns the exit code. Errors: Unreachable, Refused, Version."""
        self._channel = connect(self._options.driver)
        self._send(wire.HELLO, self._hello())
        self._meet()
        signal.signal(_STOP_SIGNAL, self._on_stop_signal)
        self._relay.start()
        threading.Thread(target=self._read_frames, name="headrace-frames", daemon=True).start()
        threading.Thread(target=self._beat, name="headrace-heartbeat", daemon=True).start()
        code = self._labour()
        self._relay.drain()
        self._channel.close()
        sys.stdout.flush()
        os._exit(code)  # threads that user code has left behind do not keep the process

    def _hello(self) -> Any:
        from headrace import __version__

        hello = wire.Hello(protocol=PROTOCOL, version=__version__, token=self._options.token.encode(), host=host.identity())
        hello.host_name = socket.gethostname()
        hello.pid = os.getpid()
        hello.resources.cpu = self._options.cpu
        hello.resources.memory_bytes = self._options.memory_bytes
        hello.resources.gpu = self._options.gpu
        hello.language = "python"
        hello.slot = self._options.slot
        return hello

    def _meet(self) -> None:
        frame = self._channel.receive()
        if frame is None:
            raise error("Closed", "the driver is gone")
        frame.close()
        if frame.kind == wire.REFUSED:
            refused = wire.Refused.FromString(frame.payload)
            raise error("Refused", refused.message or "the driver refused this worker", refused.advice)
        if frame.kind != wire.WELCOME:
            raise error("Protocol", f"the driver sent a frame of kind {frame.kind} before its welcome")
        self._welcome = wire.Welcome.FromString(frame.payload)

    def _end(self, code: int) -> None:
        with self._lock:
            if self._ended is None:
                self._ended = code
            self._lock.notify_all()

    def _send(self, kind: int, message: Any, descriptors: "List[int]" = []) -> None:  # noqa: B006 never changed
        self._channel.send(kind, message.SerializeToString(), descriptors)

    def _log(self, level: int, text: str) -> None:
        try:
            self._send(wire.LOG, wire.Log(level=level, text=text))
        except HeadraceError:
            pass  # without the driver this process ends

    # --- the thread of frames --------------------------------------------------------------------------------------------

    def _read_frames(self) -> None:
        try:
            while True:
                frame = self._channel.receive()
                self._heard = time.monotonic()
                if frame is None:
                    break
                try:
                    self._on_frame(frame)
                finally:
                    frame.close()
        except HeadraceError as problem:
            sys.stderr.write(f"headrace.worker: {problem}\n")
        except Exception as problem:  # a message that does not parse, a bug: say so and go, the driver starts another
            sys.stderr.write(f"headrace.worker: {whole(problem)}\n")
        with self._lock:
            told_to_end = self._ended is not None
        if not told_to_end:
            os._exit(0)  # the driver went: whatever runs is of no use to anybody

    def _on_frame(self, frame: Frame) -> None:
        handlers: Dict[int, Callable[[Frame], None]] = {
            wire.RECIPE: self._on_recipe,
            wire.OBJECTS: self._on_objects,
            wire.CALL: self._on_call,
            wire.CANCEL: self._on_cancel,
            wire.CHUNK: lambda found: self._incoming.chunk(found.payload),
            wire.FORGET: self._on_forget,
            wire.FETCH: self._on_fetch,
            wire.MISSING: self._on_missing,
            wire.HEARTBEAT: self._on_heartbeat,
            wire.SHUTDOWN: lambda _: self._end(0),
        }
        if frame.kind not in handlers:
            raise error("Protocol", f"the driver sent a frame of kind {frame.kind}")
        handlers[frame.kind](frame)

    def _on_recipe(self, frame: Frame) -> None:
        message = wire.Recipe.FromString(frame.payload)
        self._recipes[message.number] = message

    def _on_heartbeat(self, frame: Frame) -> None:
        self._pressure = wire.Heartbeat.FromString(frame.payload).pressure

    def _on_forget(self, frame: Frame) -> None:
        for number in wire.Forget.FromString(frame.payload).objects:
            self._objects.forget(number)

    def _on_missing(self, frame: Frame) -> None:
        number = wire.Missing.FromString(frame.payload).object
        self._incoming.fail(number, error("ObjectLost", f"nobody has object {number}"))

    def _on_fetch(self, frame: Frame) -> None:
        number = wire.Fetch.FromString(frame.payload).object
        data = self._objects.encoded(number)
        if data is None:
            self._send(wire.MISSING, wire.Missing(object=number))
            return
        # Not here: a large object would keep this thread from the frames behind it.
        self._pool().submit(self._send_chunks, number, data)

    def _send_chunks(self, number: int, data: Buffer) -> None:
        for piece in chunks(number, data):
            self._channel.send(wire.CHUNK, piece)

    def _on_objects(self, frame: Frame) -> None:
        for entry in wire.Objects.FromString(frame.payload).objects:
            if not self._take_input(entry, frame):
                raise error("Protocol", "an object came without its bytes")

    def _take_input(self, entry: Any, frame: Frame) -> bool:
        """True when the object is here now."""
        if self._objects.has(entry.object):
            return True
        if entry.descriptor > 0:
            blob = Blob.adopt(frame.take(entry.descriptor - 1), entry.size)
            self._objects.put(entry.object, blob.bytes(), not blob.in_memory)
            blob.close()  # the mapping stays
            return True
        if entry.inline:
            self._objects.put(entry.object, entry.inline)
            return True
        return False

    def _on_call(self, frame: Frame) -> None:
        message = wire.Call.FromString(frame.payload)
        recipe = self._recipes.get(message.recipe)
        if recipe is None:
            raise error("Protocol", f"call {message.number} names no recipe")
        call = Call(message, recipe)
        entries = list(message.inputs) + ([message.model] if message.HasField("model") else [])
        absent = [entry for entry in entries if not self._take_input(entry, frame)]
        call.missing = {entry.object for entry in absent}
        with self._lock:
            if not call.missing:
                self._queue.append(call)
                self._lock.notify()
                return
            self._waiting[call.number] = call
        for number in call.missing:
            self._want(call, next(entry for entry in absent if entry.object == number))

    # --- objects from elsewhere ------------------------------------------------------------------------------------------

    def _want(self, call: Call, entry: Any) -> None:
        number = int(entry.object)
        future, first = self._incoming.want(number)
        future.add_done_callback(lambda done: self._arrived(call, number, done))
        if not first:
            return
        if entry.peers:
            self._pool().submit(self._fetch_from, str(entry.peers[0]), number)
        else:
            self._send(wire.FETCH, wire.Fetch(object=number))

    def _arrived(self, call: Call, number: int, done: "Future[Buffer]") -> None:
        problem = done.exception()
        if problem is None:
            self._objects.put(number, done.result())
        elif isinstance(problem, HeadraceError) and call.failed is None:
            call.failed, call.lost = problem, number
        with self._lock:
            call.missing.discard(number)
            if call.missing or self._waiting.pop(call.number, None) is None:
                return
            self._queue.append(call)
            self._lock.notify()

    def _pool(self) -> ThreadPoolExecutor:
        if self._fetchers is None:
            self._fetchers = ThreadPoolExecutor(_FETCHES, "headrace-fetch")
        return self._fetchers

    def _fetch_from(self, address: str, number: int) -> None:
        """Fetches one object from a peer, which sends chunks."""
        try:
            peer = connect(Address.parse(address))
            try:
                peer.send(wire.FETCH, wire.Fetch(object=number, token=self._welcome.data_token).SerializeToString())
                future, _ = self._incoming.want(number)
                while not future.done():
                    frame = peer.receive()
                    if frame is None:
                        raise error("Closed", "the peer is gone")
                    if frame.kind == wire.CHUNK:
                        self._incoming.chunk(frame.payload)
                    elif frame.kind == wire.MISSING:
                        raise error("ObjectLost", f"it does not have object {number}")
                    else:
                        raise error("Protocol", f"it sent a frame of kind {frame.kind}")
            finally:
                peer.close()
        except HeadraceError as problem:
            self._incoming.fail(number, error("ObjectLost", f"from {address}: {problem.message}"))

    # --- cancelling ------------------------------------------------------------------------------------------------------

    def _on_cancel(self, frame: Frame) -> None:
        message = wire.Cancel.FromString(frame.payload)
        with self._lock:
            running = self._running if self._running is not None and self._running.number == message.call else None
            removed = self._waiting.pop(message.call, None)
            for call in list(self._queue):
                if call.number == message.call:
                    self._queue.remove(call)
                    removed = call
            if running is not None and not message.recall:
                running.stop.set()
        if removed is not None:
            self._give_back(message)
        elif running is not None and message.recall:
            self._send(wire.STARTED, wire.Started(call=message.call))
        elif running is not None:
            signal.pthread_kill(threading.main_thread().ident or 0, _STOP_SIGNAL)
            timer = threading.Timer(_STOP_SECONDS, self._give_up, (running,))
            timer.daemon = True
            timer.start()

    def _give_back(self, message: Any) -> None:
        if message.recall:
            self._send(wire.RETURNED, wire.Returned(call=message.call))
            return
        done = wire.Done(call=message.call, start_us=_now_us(), end_us=_now_us())
        done.error.code, done.error.message = CODES["Cancelled"], "it was stopped before it began"
        self._send(wire.DONE, done)

    def _give_up(self, call: Call) -> None:
        with self._lock:
            stuck = self._running is call
        if stuck:
            self._log(LEVEL_ERROR, f"call {call.number} was asked to stop and did not: the worker ends")
            os._exit(1)

    def _on_stop_signal(self, *ignored: object) -> None:
        call = self._running
        if call is not None and call.stop.is_set() and self._interruptible == call.number:
            raise Stopped

    # --- the main thread -------------------------------------------------------------------------------------------------

    def _labour(self) -> int:
        while True:
            with self._lock:
                self._running = None
                while not self._queue and self._ended is None:
                    self._lock.wait(1.0)  # with a time limit: signals are handled in between
                if self._ended is not None:
                    return self._ended
                call = self._running = self._queue.popleft()
            try:
                self._run(call)
            except Stopped:  # it came after the last line of user code
                pass

    def _run(self, call: Call) -> None:
        done = wire.Done(call=call.number, start_us=_now_us())
        blobs: List[Blob] = []
        try:
            if call.failed is not None:
                done.lost_object = call.lost
                raise call.failed
            self._send(wire.STARTED, wire.Started(call=call.number))
            for number, value in zip(call.message.outputs, self._attempt(call)):
                if value is not None:
                    self._add_output(done, blobs, number, value)
        except (Exception, Stopped, SystemExit) as problem:
            del done.outputs[:]
            for blob in blobs:
                blob.close()
            blobs = []
            done.error.code, done.error.message, done.error.advice = describe(problem)
            if not isinstance(problem, (HeadraceError, Stopped)):
                self._log(LEVEL_ERROR, whole(problem))
        self._relay.drain()
        done.end_us = _now_us()
        try:
            self._send(wire.DONE, done, [blob.descriptor for blob in blobs])
        finally:
            for blob in blobs:
                blob.close()

    def _attempt(self, call: Call) -> List[Any]:
        inputs = [self._objects.value(entry.object) for entry in call.message.inputs]
        model = self._objects.value(call.message.model.object) if call.message.HasField("model") else None
        recipe = call.recipe
        params = _params_of(recipe.params)
        if recipe.op.startswith(f"{OPERATOR}_"):
            params = {**params, "kind": recipe.op[len(OPERATOR) + 1 :]}
        message = call.message
        work = Work(params, message.phase, message.piece, message.wants_output, message.output_only, list(recipe.metrics))
        context = Context(recipe.node, recipe.seed, max(1, recipe.threads), recipe.folder, call.stop, self._progress_of(call))
        _prepare(context)
        try:
            self._interruptible = call.number
            if call.stop.is_set():
                raise Stopped
            with _threads(context.threads):
                return perform(work, inputs, model, context)
        finally:
            self._interruptible = None

    def _progress_of(self, call: Call) -> Callable[[float], None]:
        told = [0.0]

        def tell(share: float) -> None:
            now = time.monotonic()  # ten a second are enough for people
            if now - told[0] >= 0.1:
                told[0] = now
                self._send(wire.PROGRESS, wire.Progress(call=call.number, share=share))

        return tell

    def _add_output(self, done: Any, blobs: List[Blob], number: int, value: Any) -> None:
        """Small results travel in the message; large ones become blobs, and are read in place here too."""
        pieces = encoded_pieces(value, checksums=False)
        size = size_of(pieces)
        output = done.outputs.add(object=number, kind=kind_of(value), size=size)
        if size <= self._welcome.inline_max:
            data = b"".join(encoded_pieces(value))
            output.inline = data
            self._objects.put(number, data)
            return
        spill = self._welcome.spill_folder if self._pressure else ""
        blob = Blob.make(pieces, spill)
        self._objects.put(number, blob.bytes(), bool(spill))
        if self._channel.is_unix:
            blobs.append(blob)
            output.descriptor = len(blobs)
        else:
            blob.close()

    # --- heartbeats ------------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        pause = max(0.01, self._welcome.heartbeat_ms / 1000)
        while True:
            resident, seconds = host.usage()
            memory, spilled = self._objects.held_bytes()
            beat = wire.Heartbeat(rss_bytes=resident, object_bytes=memory, spilled_bytes=spilled, cpu_seconds=seconds)
            try:
                self._send(wire.HEARTBEAT, beat)
            except HeadraceError:
                return  # the thread of frames sees it too, and ends the process
            if not self._channel.is_unix and time.monotonic() - self._heard > _SILENCE_SECONDS:
                os._exit(0)
            time.sleep(pause)


def _now_us() -> int:
    return time.time_ns() // 1000


def _params_of(text: str) -> Dict[str, Any]:
    """JSON; YAML where JSON cannot say it."""
    try:
        found = json.loads(text) if text[:1] == "{" else from_yaml(text, "recipe")
    except ValueError:
        found = from_yaml(text, "recipe")
    if not isinstance(found, dict):
        raise error("Protocol", "the parameters of a recipe are no map")
    return found


def _prepare(context: Context) -> None:
    """Modules beside the pipeline can be imported."""
    folder = os.path.abspath(context.folder or ".")
    if folder not in sys.path:
        sys.path.insert(0, folder)


class _threads:  # noqa: N801 reads as a word where it is used
    """Bounds the threads of the libraries that user code calls."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._limits: Any = None

    def __enter__(self) -> None:
        torch = sys.modules.get("torch")
        if torch is not None and torch.get_num_threads() != self._count:
            torch.set_num_threads(self._count)
        try:
            import threadpoolctl
        except ImportError:
            return
        self._limits = threadpoolctl.threadpool_limits(self._count)
        self._limits.__enter__()

    def __exit__(self, *problem: Any) -> None:
        if self._limits is not None:
            self._limits.__exit__(*problem)
