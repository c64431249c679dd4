# SPDX-License-Identifier: Apache-2.0
"""One file a group of estimators; each holds a list CASES."""
