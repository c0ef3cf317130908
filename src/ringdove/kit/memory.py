"""What the collector need not look at again, in processes that make many short-lived objects."""

import gc

# A batch makes thousands of short-lived objects: look for rings of them rarely.
COLLECT_AFTER = (50_000, 20, 20)


def settle() -> None:
    """What is loaded now stays: the collector passes it over from here on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
