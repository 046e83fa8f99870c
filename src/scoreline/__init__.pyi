"""The types of the public names; `__init__.py` says where each is loaded from when it is first used."""

from scoreline.automation.dry_run import dry_run as dry_run
from scoreline.client.client import Client as Client
from scoreline.core.deployment import Health as Health
from scoreline.core.deployment import UpdateOutcome as UpdateOutcome
from scoreline.errors import Conflict as Conflict
from scoreline.errors import Invalid as Invalid
from scoreline.errors import InvalidDeclaration as InvalidDeclaration
from scoreline.errors import InvalidProject as InvalidProject
from scoreline.errors import MissingExtra as MissingExtra
from scoreline.errors import NotAllowed as NotAllowed
from scoreline.errors import NotFound as NotFound
from scoreline.errors import ScorelineError as ScorelineError
from scoreline.errors import Unavailable as Unavailable
from scoreline.storage.declared_files import read_declared as read_declared
from scoreline.studio.project_folder import ProjectFolder as ProjectFolder
from scoreline.studio.project_folder import open_project as open_project

__version__: str

__all__: list[str]
