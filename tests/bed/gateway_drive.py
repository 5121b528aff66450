"""Takes a kernel through its life with Enterprise Gateway's own client, and reports it as JSON.

Runs with the Python of the gateway's environment: `gateway_drive.py HOST:PORT KERNELSPEC`. Standard
output gets the kernel's id and what each step came to.
"""

import json
import sys

from enterprise_gateway.client.gateway_client import GatewayClient

WHO = "import json, os; print(json.dumps([os.getuid(), os.getgid(), sorted(os.environ)]))"


def main():
    client = GatewayClient(sys.argv[1])
    kernel = client.start_kernel(sys.argv[2], username="ann@example.com")
    try:
        result = {
            "kernel_id": kernel.kernel_id,
            "first": kernel.execute("print(6*7)"),
            "who": json.loads(kernel.execute(WHO)[0]),
        }
        kernel.start_interrupt_thread()
        result["interrupted"] = kernel.execute("import time; time.sleep(60)")
        kernel.terminate_interrupt_thread()
        result["restarted"] = kernel.restart()
        result["again"] = kernel.execute("print(6*7)")
    finally:
        client.shutdown_kernel(kernel)
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
