"""Record the example traces that the page opens with: `make traces`."""

import depcap
from app.files import TRACES
from app.presets import EXAMPLES, MODELS, SUITED
from app.session import write_payload


def main() -> None:
    """Decode every example with DepCap, as the page would, and write its payload."""
    model = depcap.load(MODELS[0], device="cpu")
    for example in EXAMPLES:
        result = depcap.generate(model, example.prompt, record="distributions", **SUITED["depcap"])[0]
        assert result.trace is not None
        write_payload(result.trace, TRACES / f"{example.trace}.json")
        print(f"{example.trace}: NFE {result.nfe}, blocks {result.block_sizes}\n{result.text}\n")


if __name__ == "__main__":
    main()
