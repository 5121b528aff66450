"""Specifications that are made part of an image, the two ways the documentation knows."""

import json
import shutil

from bed.kernels import LIFE, check_life

KERNELS = "/usr/local/share/jupyter/kernels"

# "Generating Multiple Specifications", over the host application's image.
SPECIFICATIONS = r"""
FROM jds-test/app
LABEL jds.test=1
COPY jupyter-docker-spec launch_docker /opt/app/bin/
RUN jupyter docker-spec install --image-name my-numpy-image:dev \
    --kernel-name my_numpy_kernel_py --display-name "My Numpy"
RUN jupyter docker-spec install --image-name my-tensor-image:dev \
    --kernel-name my_tensor_kernel_py --display-name "My Tensorflow"
RUN jupyter docker-spec install --image-name my-R-image:dev --language R \
    --display-name "My R Kernel"
RUN jupyter-docker-spec install --language=Scala
"""
# The old specification is in a lower layer here, where no directory can be renamed.
REPLACED = """\
FROM jds-test/specifications
RUN echo added > {kernels}/my_numpy_kernel_py/logo-old.png
RUN jupyter-docker-spec install --replace --kernel-name=my_numpy_kernel_py --image-name={image}
"""


def test_dockerfile(engine, binaries, place, start_application, kernel_image):
    for name in ("jupyter-docker-spec", "launch_docker"):
        shutil.copy2(binaries / name, place)
    build(engine, place, "jds-test/specifications", SPECIFICATIONS)
    before = listing(engine, "jds-test/specifications")
    replaced = REPLACED.format(kernels=KERNELS, image=kernel_image)
    build(engine, place, "jds-test/replaced", replaced)

    application = start_application("jds-test/replaced")
    listed = application.run("jupyter", "kernelspec", "list", "--json")
    specifications = json.loads(listed.stdout)["kernelspecs"]
    names = {name: entry["spec"]["display_name"] for name, entry in specifications.items()}
    values = application.drive("my_numpy_kernel_py", LIFE).assert_done(LIFE)

    assert names == {
        "my_numpy_kernel_py": "Docker Python",
        "my_tensor_kernel_py": "My Tensorflow",
        "docker_r": "My R Kernel",
        "docker_scala": "Docker Scala",
    }
    assert listing(engine, "jds-test/replaced") == before
    check_life(values, "jovyan-{kernel_id}")


def test_exec_and_commit(engine, start_application, put_programs, kernel_image):
    first = start_application()
    put_programs(first)
    first.install(f"--image-name={kernel_image}")
    engine.docker("commit", first.container, "jds-test/committed")
    engine.docker("rm", "--force", first.container)

    second = start_application("jds-test/committed")
    values = second.drive("docker_python", LIFE).assert_done(LIFE)

    check_life(values, "jovyan-{kernel_id}")


def build(engine, context, name, dockerfile):
    (context / "Dockerfile").write_text(dockerfile)
    engine.docker("build", "--tag", name, context)


def listing(engine, image):
    """Every file below the kernels' directory of an image, with its mode."""
    find = ["find", KERNELS, "-printf", "%m %y %P\\n"]
    return sorted(engine.docker("run", "--rm", image, *find).splitlines())
