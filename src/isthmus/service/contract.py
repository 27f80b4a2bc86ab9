"""What is sent and answered at /api/v1, as the OpenAPI document says it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=2000)]


class Reason(BaseModel):
    """One column behind a row's score."""

    column: str
    seen: Any
    expected: Any
    low: Any = Field(description="Residuals of calibration rows reach down to this.")
    high: Any = Field(description="And up to this.")
    share: float | None = Field(description="The column's part of the score.")


class Score(BaseModel):
    """What is said of one row."""

    score_id: str = Field(description="What feedback calls it by.")
    anomaly_score: float | None = Field(description="Higher is more anomalous; an alarm above the threshold.")
    p_value: float | None = Field(description="How likely a normal row is to score as high.")
    is_anomaly: bool = Field(description="The verdict: whether the row raises an alarm.")
    explanation: list[Reason] | None = None


class Scores(BaseModel):
    """What is said of all rows."""

    model: str
    version: str = Field(description="Changes with any byte of the saved detector.")
    threshold_version: int = Field(description="The number of the threshold in the store.")
    threshold: float
    scores: list[Score]


class Feedback(BaseModel):
    """What a person says of a score."""

    model_config = ConfigDict(extra="forbid", strict=True)

    score_id: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
    verdict: Literal["false_alarm", "confirmed"]
    by: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", description="Who says so.")]
    why: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] = ""


class FeedbackKept(BaseModel):
    """The feedback is in the store."""

    feedback_id: str
    score_id: str


class Listing(BaseModel):
    """Rows of the store, the newest first."""

    rows: list[dict[str, Any]]


class Fault(BaseModel):
    """Why a request is not carried out."""

    error: str
    got: str = Field(description="What came.")
    allowed: str = Field(description="What is allowed, and why.")
    try_: str = Field(alias="try", description="What to do now.")


class KServeFault(BaseModel):
    """Why a request is not carried out, in the words of the KServe protocol."""

    error: str


class MLflowFault(BaseModel):
    """Why a request is not carried out, in the words of MLflow's protocol."""

    error_code: str
    message: str


def faults(model: type[BaseModel], unusable: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside its own, as the OpenAPI document says it.

    Args:
        model: How a fault is said there.
        unusable: The status of rows that cannot be used.
    """
    why = {
        401: "No token, or a wrong one.",
        403: "Asked from another site.",
        404: "No such name.",
        413: "Too large a body, or too many rows.",
        415: "Another type of body.",
        unusable: "Rows or parameters that cannot be used.",
        503: "No room, no time, or no store.",
    }
    return {status: {"model": model, "description": sentence} for status, sentence in why.items()}


FAULTS = faults(Fault, 422)
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Fault, "description": "The key stands for another request."}
}


def scores_body(row: dict[str, Any], most: int) -> dict[str, Any]:
    """The body of a request for scores, as the OpenAPI document says it for this very detector.

    Args:
        row: The schema of a row.
        most: Rows at the most.
    """
    schema = {
        "type": "object",
        "required": ["rows"],
        "additionalProperties": False,
        "properties": {
            "rows": {"type": "array", "minItems": 1, "maxItems": most, "items": row},
            "explain": {
                "type": "integer",
                "minimum": 0,
                "maximum": 100,
                "default": 0,
                "description": "Columns to name for each row.",
            },
        },
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
