"""Features of many rows as the matrix of a fitted encoder, quickly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer

Array = np.ndarray[Any, Any]


class EncodedRows:
    """What `encoder.transform` gives for a frame, bit for bit, some rows at a time.

    Each branch of the encoder is asked once for all rows, and of texts only once for each different one:
    scikit-learn looks at every row of them several times.
    """

    def __init__(self, encoder: ColumnTransformer, frame: pd.DataFrame) -> None:
        places = encoder.output_indices_
        self.width = max((place.stop for place in places.values()), default=0)
        self._rows = len(frame)
        self._blocks: list[tuple[slice, Array, Array | None]] = []
        """Where in the matrix, rows of it, and which of them each row of the frame has (None: its own)."""
        for name, branch, columns in encoder.transformers_:
            if places[name].start < places[name].stop:
                self._blocks.append((places[name], *_encoded(branch, frame[columns])))

    def matrix(self, start: int = 0, stop: int | None = None) -> Array:
        """The rows from `start` to `stop`."""
        rows = slice(start, self._rows if stop is None else min(stop, self._rows))
        matrix = np.empty((rows.stop - rows.start, self.width))
        for place, values, codes in self._blocks:
            matrix[:, place] = values[rows] if codes is None else values[codes[rows]]
        return matrix


def _encoded(branch: Any, values: pd.DataFrame) -> tuple[Array, Array | None]:
    if len(values.columns) != 1 or not pd.api.types.is_object_dtype(values.dtypes.iloc[0]):
        return np.asarray(branch.transform(values)), None
    name = values.columns[0]
    codes, distinct = pd.factorize(values[name])
    texts = pd.Series(distinct, dtype=object)
    return np.asarray(branch.transform(texts.to_frame(name))), codes.astype(np.int32)
