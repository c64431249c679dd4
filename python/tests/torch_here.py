# SPDX-License-Identifier: Apache-2.0
"""A small network, as a user would write it."""

import torch


class Small(torch.nn.Module):
    def __init__(self, in_features, out_features, hidden=4):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(in_features, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, out_features))

    def forward(self, rows):
        return self.layers(rows)
