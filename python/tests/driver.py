# SPDX-License-Identifier: Apache-2.0
"""The driver's side of the protocol, small and blocking: it starts a real worker and talks to it over a real socket."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from headrace.objects import decode, encode
from headrace.wire import worker_pb2 as wire
from headrace.wire.blob import Blob
from headrace.wire.channel import Channel

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent
TOKEN = "a token of the tests"
READ, FIT, UPDATE, TRANSFORM, PREDICT, SCORE, JOIN = 0, 3, 4, 5, 6, 7, 8
WAIT_SECONDS = 60


class Driver:
    """One listener, one worker. Use as a context."""

    def __init__(self, folder, inline_max=4096, heartbeat_ms=50, family=socket.AF_UNIX, hello=True, parent=None):
        self.inline_max, self.heartbeat_ms = inline_max, heartbeat_ms
        self.listener = socket.socket(family)
        if family == socket.AF_UNIX:
            path = str(Path(folder) / "driver.sock")
            self.listener.bind(path)
            self.address = f"unix:{path}"
        else:
            self.listener.bind(("127.0.0.1", 0))
            self.address = f"tcp:127.0.0.1:{self.listener.getsockname()[1]}"
        self.listener.listen(1)
        self.listener.settimeout(WAIT_SECONDS)
        environment = {
            **os.environ,
            "HEADRACE_TOKEN": TOKEN,
            "PYTHONPATH": os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")]),
        }
        words = [sys.executable, "-m", "headrace.worker", "--connect", self.address, "--slot", "7"]
        words += ["--parent", str(os.getpid())] if parent is None else ["--parent", str(parent)]
        self.process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.logs, self.heartbeats, self.progress, self.started, self.answers = [], [], [], [], {}
        self.changed = threading.Condition()
        self.closed = False
        self.next = 100
        self.recipes = {}
        if hello:
            self.welcome()

    def welcome(self):
        self.channel = Channel(self.listener.accept()[0])
        frame = self.channel.receive()
        assert frame.kind == wire.HELLO
        self.hello = wire.Hello.FromString(frame.payload)
        message = wire.Welcome(worker=1, heartbeat_ms=self.heartbeat_ms, silence_ms=1000, inline_max=self.inline_max)
        self.channel.send(wire.WELCOME, message.SerializeToString())
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while (frame := self.channel.receive()) is not None:
                with self.changed:
                    self.on_frame(frame)
                    self.changed.notify_all()
        except Exception:  # the worker was killed by a test
            pass
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def on_frame(self, frame):
        if frame.kind == wire.LOG:
            self.logs.append(wire.Log.FromString(frame.payload))
        elif frame.kind == wire.HEARTBEAT:
            self.heartbeats.append(time.monotonic())
        elif frame.kind == wire.PROGRESS:
            self.progress.append(wire.Progress.FromString(frame.payload))
        elif frame.kind == wire.STARTED:
            self.started.append(wire.Started.FromString(frame.payload).call)
        elif frame.kind == wire.DONE:
            done = wire.Done.FromString(frame.payload)
            self.answers[done.call] = (done, [os.dup(found) for found in frame.descriptors])
        elif frame.kind == wire.RETURNED:
            self.answers[wire.Returned.FromString(frame.payload).call] = "returned"
        elif frame.kind in (wire.FETCH, wire.CHUNK, wire.MISSING):
            self.answers.setdefault(frame.kind, []).append(frame.payload)
        frame.close()

    def wait(self, ready):
        """Waits until `ready` gives something true."""
        with self.changed:
            assert self.changed.wait_for(ready, WAIT_SECONDS), "the worker did not answer"
            return ready()

    def send(self, kind, message, descriptors=()):
        self.channel.send(kind, message.SerializeToString(), descriptors)

    def number(self):
        self.next += 1
        return self.next

    def recipe(self, params, node="node", metrics=(), seed=5, folder=str(HERE)):
        number = self.number()
        text = params if isinstance(params, str) else json.dumps(params)
        self.send(
            wire.RECIPE,
            wire.Recipe(number=number, op="python", params=text, node=node, seed=seed, metrics=metrics, threads=1, folder=folder),
        )
        return number

    def entry(self, value, descriptors, number=None):
        data = encode(value)
        entry = wire.Input(object=number or self.number(), size=len(data))
        if len(data) <= self.inline_max:
            entry.inline = data
        else:
            blob = Blob.make([data])
            descriptors.append(blob.descriptor)
            entry.descriptor = len(descriptors)
        return entry

    def call(self, recipe, phase, *inputs, model=None, outputs=2, **fields):
        """Sends a call and returns its number."""
        descriptors = []
        message = wire.Call(number=self.number(), recipe=recipe, phase=phase, outputs=[self.number() for _ in range(outputs)], **fields)
        for value in inputs:
            message.inputs.append(value if isinstance(value, wire.Input) else self.entry(value, descriptors))
        if model is not None:
            message.model.CopyFrom(self.entry(model, descriptors))
        self.send(wire.CALL, message, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        return message.number

    def done(self, number):
        """The report of a call, and its results decoded."""
        done, descriptors = self.wait(lambda: self.answers.get(number))
        values = []
        for output in done.outputs:
            if output.descriptor:
                values.append(decode(Blob.adopt(descriptors[output.descriptor - 1], output.size).bytes()))
            elif output.inline:
                values.append(decode(output.inline))
            else:
                values.append(output.object)  # the worker holds it
        return done, values

    def result(self, params, phase, *inputs, **fields):
        done, values = self.done(self.call(self.recipe(params, metrics=fields.pop("metrics", ())), phase, *inputs, **fields))
        assert not done.HasField("error"), done.error
        return values

    def failure(self, params, phase, *inputs, **fields):
        done, values = self.done(self.call(self.recipe(params), phase, *inputs, **fields))
        assert done.HasField("error") and not values
        return done.error

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if hasattr(self, "channel"):
            self.channel.close()
        self.listener.close()
