"""The test bed: a private Docker Engine, images, and host applications that start real kernels.

Where it runs: `apart` and `namespace` give a command namespaces of its own, in which nothing of the machine's engine
is seen or changed; `worker` does so for each of the processes that share the tests; `node` enters those of a node.

The engine: `engine` starts it and looks after what tests leave; `nodes` makes a Swarm of three of them; `images`, with
`images/`, makes what they run, and `picture` and `tls` what single tests need. `engines` has those of other releases, which
`suite` and, for an ordinary user, `rootless` run; `matrix` writes what came of it. `patience` waits.

Host applications, which start kernels: `kernels` (gateway_provisioners, on this machine or in a container, driven by
`drive`), `servers` (a Jupyter server, by `server_drive`), `gateways` (Enterprise Gateway, by `gateway_drive`), and
`deployments` (either by a Compose file); `waves` drives many kernels at once. `launch` runs a launcher alone, as they
would; `inside` looks at the kernel that it has started. `reporting` and `credentials` put our Python package and
credential helpers where they find them.

Registries: `distribution` is a real one and `shelf` what it has in store; `registry` has one image, and can be slow
or silent.

What goes wrong: `proxy` holds requests to an engine up, `faults` answers them falsely, `broken` makes images that do
not start, `killed` kills a program at each system call, and `soak` does all of it for long.

What is read: `pages` types the commands of the documentation, `terminal` sees what a terminal shows, `checking` what
`check` says.

Fixtures stand in `tests/engine/conftest.py`. One that makes something removes it, also after a failure: else other
tests fail for it.
"""
