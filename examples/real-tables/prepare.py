"""Writes the tables of this example from two data sets that come with scikit-learn.

`load_diabetes` (442 patients, Efron et al. 2004) becomes a table of measurements and a table of patients;
`load_wine` (178 Italian wines of three cultivars, Forina et al.) a table of wines and one of laboratory
analyses. In both cases the first is what a caller would know, the second what has to be looked up.

    python prepare.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_diabetes, load_wine

BLOOD = {"s1": "cholesterol", "s2": "ldl", "s3": "hdl", "s4": "cholesterol_ratio", "s5": "log_triglycerides"}
LABORATORY = ["flavanoids", "hue", "od280_od315", "proline"]


def write_diabetes(data: Path) -> None:
    """measurements.csv: one row per visit, with what was found a year later. patients.csv: who they are."""
    table = load_diabetes(as_frame=True, scaled=False).frame
    table = table.rename(columns={**BLOOD, "s6": "glucose", "bp": "blood_pressure", "target": "progression"})
    table[["age", "sex"]] = table[["age", "sex"]].astype(int)  # sex is a code, 1 or 2
    table.insert(0, "patient_id", range(1001, 1001 + len(table)))
    of_patient = ["patient_id", "age", "sex"]
    table[of_patient].to_csv(data / "patients.csv", index=False)
    table[["patient_id", *table.columns.difference(of_patient, sort=False)]].to_csv(
        data / "measurements.csv", index=False
    )


def write_wine(data: Path) -> None:
    """wines.jsonl.gz: what is on the sheet of each bottle. analyses.parquet: what the laboratory found."""
    loaded = load_wine(as_frame=True)
    table = loaded.frame.rename(columns={"od280/od315_of_diluted_wines": "od280_od315"})
    table["cultivar"] = pd.Series(["barolo", "grignolino", "barbera"])[table.pop("target")].to_numpy()
    table.insert(0, "sample", [f"W{number:03d}" for number in range(1, len(table) + 1)])
    table[["sample", *LABORATORY]].to_parquet(data / "analyses.parquet", index=False)
    table.drop(columns=LABORATORY).to_json(
        data / "wines.jsonl.gz", orient="records", lines=True, compression={"method": "gzip", "mtime": 0}
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    (folder / "data").mkdir(parents=True, exist_ok=True)
    write_diabetes(folder / "data")
    write_wine(folder / "data")
