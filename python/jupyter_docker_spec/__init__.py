"""What a Jupyter server needs to show the notebook's user why a kernel could not be launched.

`gateway_provisioners` and Enterprise Gateway tell the user that an error occurred, and leave the launcher's own
words in the server's log. The classes here are theirs, with that one difference. A specification asks for
them when it is installed with `jupyter-docker-spec install --show-launch-errors`.
"""
