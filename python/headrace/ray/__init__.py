# SPDX-License-Identifier: Apache-2.0
"""Ray as a place where workers run: clusters on this machine, the gateway that places workers, and jobs.

Ray gives placement, restarts and membership; tasks and data never pass through it. A supervisor actor per slot starts a worker, the
worker connects to the driver, and from then on only they talk.

    gateway     keeps as many workers running as the driver asks for: its lines are described there
    supervisor  the actor: starts a worker, starts it again, ends it
    placement   what a group of workers asks of Ray
    slots       one slot from wish to worker and back
    connection  the installed Ray, the address and token of a cluster
    cluster     up, down, status of a cluster of this machine
    state       what is remembered of that cluster
    remains     its processes, shared memory and folders: found and ended
    jobs        a pipeline as a job, through Ray's REST API
    lines       JSON lines, between the program and all of these

Nothing here imports Ray before it is used, nor the rest of headrace: an environment that holds Ray alone is enough.
"""
