"""The kinds of steps, triggers and reporters: their names in words, their pictures, and what each asks."""

from __future__ import annotations

from msgspec import Struct

from scoreline.ui.part_fields import CONDITIONS, OTHER, Field

_UPDATES = (("light", "light: load what is missing and switch"), ("full", "full: reinstall everything"))
_OUTCOMES = (
    ("SUCCESS", "succeeded"),
    ("WARNING", "ended with warnings"),
    ("FAILED", "failed"),
    ("ABORTED", "was aborted"),
)
_PLACEHOLDERS = "May hold ${NAME} of a variable, or ${steps.ID.output.NAME}."


class PartKind(Struct, frozen=True, kw_only=True):
    """One kind."""

    id: str
    title: str
    what: str
    """In one sentence, for who chooses."""
    picture: str
    group: str = ""
    fields: tuple[Field, ...] = ()


MESSAGE = (
    Field(
        name="message/kind",
        label="Sent as",
        type="select",
        options=(
            ("mail", "a mail"),
            ("webhook", "a webhook: JSON to a URL"),
            ("slack", "a message in Slack"),
            ("teams", "a card in Teams"),
        ),
    ),
    Field(
        name="message/mail/to",
        label="To",
        type="lines",
        help="Addresses, such as risk@example.com.",
        required=True,
        shown_for="mail",
    ),
    Field(
        name="message/mail/from",
        label="From",
        none="who the control plane sends as",
        shown_for="mail",
    ),
    Field(
        name="message/mail/subject",
        label="Subject",
        none="which scenario, and how it fares",
        help=_PLACEHOLDERS,
        shown_for="mail",
    ),
    Field(
        name="message/mail/text",
        label="Text",
        type="area",
        none="how the run fares and why, which steps failed, how long it took",
        help=_PLACEHOLDERS,
        shown_for="mail",
    ),
    Field(
        name="message/webhook/url",
        label="URL",
        required=True,
        help="A secret in it is referenced: ${env:NAME} or ${secret:NAME}.",
        shown_for="webhook",
    ),
    Field(
        name="message/webhook/method",
        label="Method",
        type="select",
        options=(("POST", "POST"), ("PUT", "PUT")),
        shown_for="webhook",
    ),
    Field(
        name="message/webhook/headers",
        label="Headers",
        type="headers",
        help="Such as Authorization: Bearer ${env:TOKEN}.",
        shown_for="webhook",
    ),
    Field(
        name="message/webhook/body",
        label="Body",
        type="json",
        none="the whole run",
        help="Any JSON, with ${…} in its texts.",
        shown_for="webhook",
    ),
    Field(
        name="message/webhook/secret",
        label="Signed with",
        none="not signed",
        help="A reference to a secret, such as ${secret:hook}: the request carries an HMAC-SHA256 signature.",
        shown_for="webhook",
    ),
    Field(
        name="message/slack/url",
        label="URL of the incoming webhook",
        required=True,
        help="It is a secret, so it is referenced: ${env:NAME} or ${secret:NAME}.",
        shown_for="slack",
    ),
    Field(
        name="message/slack/text",
        label="Text",
        type="area",
        none="how the run fares",
        help=f"In Slack's mrkdwn. {_PLACEHOLDERS}",
        shown_for="slack",
    ),
    Field(
        name="message/teams/url",
        label="URL of the workflow",
        required=True,
        help="It is a secret, so it is referenced: ${env:NAME} or ${secret:NAME}.",
        shown_for="teams",
    ),
    Field(
        name="message/teams/title",
        label="Title",
        none="which scenario, and how it fares",
        help=_PLACEHOLDERS,
        shown_for="teams",
    ),
    Field(
        name="message/teams/text",
        label="Text",
        type="area",
        none="how the run fares",
        help=f"In the Markdown of Teams. {_PLACEHOLDERS}",
        shown_for="teams",
    ),
)

_WHEN = Field(
    name="when",
    label="It runs",
    type="when",
    options=(*CONDITIONS, (OTHER, "if a condition holds")),
    help='Such as steps.checks.outcome == "FAILED" or variables.rows > 1000.',
)

STEP_OWN = (
    Field(
        name="id",
        label="Id",
        required=True,
        help="How conditions and texts name it: steps.ID.outcome.",
    ),
    Field(name="name", label="Name", none="what it does"),
)
STEP_COURSE = (
    _WHEN,
    Field(
        name="reset_failure",
        label="What failed before counts no more once it runs",
        type="flag",
    ),
    Field(name="proceed_on_failure", label="Its failure counts as a warning", type="flag"),
    Field(name="retries", label="Tries again when it fails", type="whole", help="How often."),
    Field(name="retry_delay", label="Seconds between tries", type="number"),
    Field(name="timeout", label="Fails after seconds", type="number", none="never"),
)
"""What every step has."""

STEP_KINDS = (
    PartKind(
        id="build",
        title="Build",
        what="Builds items of the flow and what they need, where they are stale.",
        picture="wrench",
        group="Flow",
        fields=(
            Field(
                name="items",
                label="Items",
                type="choices",
                names="items",
                help="Datasets, saved models, evaluation stores or recipes; none: the whole flow.",
            ),
            Field(name="force", label="Build them even if they are up to date", type="flag"),
        ),
    ),
    PartKind(
        id="compute_metrics",
        title="Compute metrics",
        what="Counts the rows of a dataset and describes its columns; conditions may name the numbers.",
        picture="gauge",
        group="Flow",
        fields=(Field(name="dataset", label="Dataset", type="choice", names="datasets", required=True),),
    ),
    PartKind(
        id="train",
        title="Train",
        what="Trains a saved model anew, after building what it learns from; the version becomes active.",
        picture="brain",
        group="Model",
        fields=(Field(name="model", label="Saved model", type="choice", names="models", required=True),),
    ),
    PartKind(
        id="evaluate",
        title="Evaluate",
        what="Adds an evaluation to a store, after building what it needs.",
        picture="chart-line",
        group="Model",
        fields=(Field(name="store", label="Evaluation store", type="choice", names="stores", required=True),),
    ),
    PartKind(
        id="run_checks",
        title="Run checks",
        what="Holds the checks of a store against an evaluation: an ERROR fails the step.",
        picture="list-checks",
        group="Model",
        fields=(
            Field(name="store", label="Evaluation store", type="choice", names="stores", required=True),
            Field(name="evaluation", label="Evaluation", none="the newest"),
        ),
    ),
    PartKind(
        id="activate_version",
        title="Activate model version",
        what="Makes a version of a saved model the active one.",
        picture="check",
        group="Model",
        fields=(
            Field(name="model", label="Saved model", type="choice", names="models", required=True),
            Field(
                name="version",
                label="Version",
                none="previous",
                help="An id; previous: the one made before the active one.",
            ),
        ),
    ),
    PartKind(
        id="create_version",
        title="Create API service version",
        what="Freezes a service as a version, and publishes it on the deployer.",
        picture="tag",
        group="API",
        fields=(
            Field(name="service", label="Service", type="choice", names="services", required=True),
            Field(name="version", label="Version id", none="the next of v1, v2, …", help=_PLACEHOLDERS),
            Field(
                name="unique",
                label="Make unique: a number is added to the id where there is such a version already",
                type="flag",
            ),
            Field(
                name="variable",
                label="Target variable",
                none="none",
                help="Gets the id; later steps name it as ${variable}.",
            ),
            Field(name="release_notes", label="Release notes", type="area", help=_PLACEHOLDERS),
            Field(name="publish", label="Publish it on the deployer", type="flag"),
            Field(
                name="published_service",
                label="Published service",
                none="of the service's own id",
            ),
        ),
    ),
    PartKind(
        id="update_deployment",
        title="Update API deployment",
        what="Brings a version live on a deployment, and waits until it is.",
        picture="rocket",
        group="API",
        fields=(
            Field(name="deployment", label="Deployment", type="choice", names="deployments", required=True),
            Field(
                name="version",
                label="Version",
                required=True,
                help="An id, or ${variable} of a step that made one.",
            ),
            Field(name="update", label="Update", type="select", options=_UPDATES),
            Field(name="rolling", label="Node by node instead of all at once", type="flag"),
        ),
    ),
    PartKind(
        id="set_mapping",
        title="Set generations mapping",
        what="Lets several versions of a deployment answer, each with its share.",
        picture="split",
        group="API",
        fields=(
            Field(name="deployment", label="Deployment", type="choice", names="deployments", required=True),
            Field(
                name="shares",
                label="Versions and their shares",
                type="shares",
                required=True,
                help="Shares are of 0 to 1 and sum to 1.",
            ),
            Field(name="update", label="Update", type="select", options=_UPDATES),
            Field(name="rolling", label="Node by node instead of all at once", type="flag"),
        ),
    ),
    PartKind(
        id="run_test_queries",
        title="Run test queries",
        what="Asks a deployment the test queries of its live version; an unexpected answer fails the step.",
        picture="flask-conical",
        group="API",
        fields=(
            Field(name="deployment", label="Deployment", type="choice", names="deployments", required=True),
            Field(name="endpoint", label="Endpoint", none="all"),
        ),
    ),
    PartKind(
        id="sql",
        title="SQL",
        what="Runs SQL on a connection, or as one SELECT over datasets. Its first rows are its output.",
        picture="database",
        group="Code",
        fields=(
            Field(name="query", label="Query", type="code", required=True, help=_PLACEHOLDERS),
            Field(
                name="inputs",
                label="Datasets that it names",
                type="choices",
                names="datasets",
                help="Where there is no connection.",
            ),
            Field(name="connection", label="Connection", type="choice", names="connections", none="none"),
            Field(
                name="repeatable",
                label="It may run again when it was cut off; else it has failed then",
                type="flag",
            ),
        ),
    ),
    PartKind(
        id="python",
        title="Python",
        what="Runs Python code in a process of its own; what it returns is its output.",
        picture="terminal",
        group="Code",
        fields=(
            Field(
                name="code",
                label="Code",
                type="code",
                help="def run(variables): … returns a dict, or nothing.",
            ),
            Field(
                name="file",
                label="Or a file of the project",
                none="none",
                help="Such as code/notify.py, instead of the code above.",
            ),
            Field(name="function", label="Function", none="run"),
            Field(
                name="repeatable",
                label="It may run again when it was cut off; else it has failed then",
                type="flag",
            ),
        ),
    ),
    PartKind(
        id="set_variables",
        title="Set variables",
        what="Sets variables, of the run or of the project.",
        picture="braces",
        group="Code",
        fields=(
            Field(name="variables", label="Variables", type="variables", required=True, help=_PLACEHOLDERS),
            Field(
                name="scope",
                label="Of",
                type="select",
                options=(("run", "this run"), ("project", "the project, from now on")),
            ),
        ),
    ),
    PartKind(
        id="run_scenario",
        title="Run another scenario",
        what="Runs another scenario of the project; its outcome is the step's.",
        picture="play",
        group="Course",
        fields=(
            Field(name="scenario", label="Scenario", type="choice", names="scenarios", required=True),
            Field(name="parameters", label="Parameters", type="variables", help="Variables of that run."),
            Field(name="wait", label="Wait until it has ended", type="flag"),
        ),
    ),
    PartKind(
        id="stop_scenario",
        title="Stop another scenario",
        what="Ends the run of another scenario of the project, if one goes on.",
        picture="circle-stop",
        group="Course",
        fields=(Field(name="scenario", label="Scenario", type="choice", names="scenarios", required=True),),
    ),
    PartKind(
        id="approval",
        title="Ask for approval",
        what="Waits until somebody who may deploy in the project approves, or fails when he refuses.",
        picture="user",
        group="Course",
        fields=(Field(name="text", label="What is to be approved", type="area", help=_PLACEHOLDERS),),
    ),
    PartKind(
        id="message",
        title="Send message",
        what="Sends a mail, a webhook, or a message in Slack or Teams.",
        picture="mail",
        group="Course",
        fields=MESSAGE,
    ),
)

_TRIGGER_OWN = (Field(name="name", label="Name", none="none"),)
_GRACE = Field(
    name="grace",
    label="Seconds between firing and starting",
    type="number",
    help="What changes again meanwhile begins them anew.",
)
_EVERY = Field(name="every", label="Seconds between two looks", type="number")

TRIGGER_KINDS = (
    PartKind(
        id="time",
        title="At a time",
        what="Starts at the times of a cron expression, in a time zone.",
        picture="clock",
        fields=(
            *_TRIGGER_OWN,
            Field(
                name="cron",
                label="Times",
                required=True,
                help="Minute, hour, day of the month, month, day of the week: 0 3 * * * is daily at three; "
                "30 7 * * MON-FRI on working days at half past seven.",
            ),
            Field(name="zone", label="Time zone", none="UTC", help="By its IANA name: Europe/Paris."),
            _GRACE,
        ),
    ),
    PartKind(
        id="dataset_changed",
        title="When a dataset changes",
        what="Starts when the content of a dataset is not what it was.",
        picture="table-2",
        fields=(
            *_TRIGGER_OWN,
            Field(name="datasets", label="Datasets", type="choices", names="datasets", required=True),
            _EVERY,
            _GRACE,
        ),
    ),
    PartKind(
        id="sql_changed",
        title="When a query answers anew",
        what="Starts when a query answers something else than before.",
        picture="database",
        fields=(
            *_TRIGGER_OWN,
            Field(name="query", label="Query", type="code", required=True, help="Its first 100 rows count."),
            Field(
                name="inputs",
                label="Datasets that it names",
                type="choices",
                names="datasets",
                help="Where there is no connection.",
            ),
            Field(name="connection", label="Connection", type="choice", names="connections", none="none"),
            _EVERY,
            _GRACE,
        ),
    ),
    PartKind(
        id="after_scenario",
        title="After another scenario",
        what="Starts once for each run of another scenario that ends so.",
        picture="git-branch",
        fields=(
            *_TRIGGER_OWN,
            Field(name="scenario", label="Scenario", type="choice", names="scenarios", required=True),
            Field(name="outcomes", label="When it", type="boxes", options=_OUTCOMES, required=True),
            _GRACE,
        ),
    ),
    PartKind(
        id="webhook",
        title="By a webhook",
        what="Starts when its URL is posted to, with a key of the control plane.",
        picture="webhook",
        fields=_TRIGGER_OWN,
    ),
)

REPORTER_KINDS = (
    PartKind(
        id="reporter",
        title="Reporter",
        what="Tells somebody that a run has begun or ended.",
        picture="bell",
        fields=(
            Field(
                name="at",
                label="Tells",
                type="select",
                options=(("end", "when a run has ended"), ("start", "when a run begins")),
            ),
            Field(
                name="when",
                label="It tells",
                type="when",
                options=(
                    ("always", "always"),
                    ("some_failure", "if something has failed"),
                    ("no_failure", "if nothing has failed"),
                    (OTHER, "if a condition holds"),
                ),
                help='Such as outcome == "FAILED".',
            ),
            *MESSAGE,
        ),
    ),
)
