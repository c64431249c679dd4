# SPDX-License-Identifier: Apache-2.0
"""The Python worker: runs Python operators for a driver, by the same protocol as `headrace worker`.

    HEADRACE_TOKEN=... python -m headrace.worker --connect unix:/run/driver.sock

The main thread runs calls, one after another, so that a cancelled one can be interrupted; one thread reads frames, one sends
heartbeats, one relays what user code prints. The process ends with its driver, whatever the user code is doing.
"""
