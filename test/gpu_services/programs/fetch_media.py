"""Asks vLLM's own fetcher for a URL, with the hosts that the service allows it. Prints what it says.

Arguments: URL, host ...
"""

import sys

from vllm.multimodal.media import MediaConnector


def main(url: str, *hosts: str) -> None:
    try:
        MediaConnector(allowed_media_domains=list(hosts)).fetch_image(url)
    except Exception as error:
        print(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
