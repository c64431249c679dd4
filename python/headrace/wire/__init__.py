# SPDX-License-Identifier: Apache-2.0
"""The protocol between drivers and workers: messages made from src/cluster/worker.proto by tools/make_proto, and frames."""
