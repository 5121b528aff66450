"""The test bed: a private Docker Engine, images, and host applications that start real kernels."""
