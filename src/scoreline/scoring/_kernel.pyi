class Forest:
    def __new__(
        cls,
        slots: tuple[tuple[str, dict[str, int] | None, int, int, bool, bytes], ...],
        roots: bytes,
        outputs: bytes,
        nodes: bytes,
        leaves: bytes,
        bits: bytes,
        start: bytes,
        width: int,
        link: int,
        scale: float,
        single: bool,
        limit: float,
        accepts_missing: bool,
        /,
    ) -> Forest: ...
    def score(self, record: object, /) -> tuple[float, ...] | None: ...
    def outputs(self, vector: tuple[float, ...], /) -> tuple[float, ...]: ...
