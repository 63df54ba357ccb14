"""Projects, default layers and representatives as such clients know them."""

from __future__ import annotations

from typing import Any

from adapters.projects import Figures
from store.tables.containers import ProjectMode
from store.tables.rois import RoiKind
from web.rest.cytomine.marshal.users import common


def project(
    row: Any, ontology_name: str | None, figures: Figures | None, **more: Any
) -> dict[str, Any]:
    """Write a project; without figures its counts are null."""
    return (
        common("Project", row.id, row.created_at, row.updated_at)
        | {
            "name": row.name,
            "ontology": row.ontology_id,
            "ontologyName": ontology_name,
            "discipline": None,
            "disciplineName": None,
            "blindMode": row.blind,
            "areImagesDownloadable": row.downloadable,
            "isClosed": row.closed,
            "isReadOnly": row.mode == ProjectMode.READ_ONLY,
            "isRestricted": row.mode == ProjectMode.RESTRICTED,
            "hideUsersLayers": row.hide_members,
            "hideAdminsLayers": row.hide_managers,
            "retrievalDisable": True,
            "retrievalAllOntology": False,
            "retrievalProjects": [],
        }
        | counts(figures)
        | more
    )


def counts(figures: Figures | None) -> dict[str, Any]:
    """Write how much a project holds."""
    kinds = {
        "numberOfAnnotations": RoiKind.USER,
        "numberOfJobAnnotations": RoiKind.ALGO,
        "numberOfReviewedAnnotations": RoiKind.REVIEWED,
    }
    regions = {name: None if figures is None else figures.of(kind) for name, kind in kinds.items()}
    images = None if figures is None else figures.images
    return {"numberOfSlides": 0, "numberOfImages": images, **regions}


def default_layer(row: Any) -> dict[str, Any]:
    """Write a default layer."""
    return common("ProjectDefaultLayer", row.id, row.created_at) | {
        "project": row.project_id,
        "user": row.user_id,
        "hideByDefault": row.hidden,
    }


def representative(row: Any) -> dict[str, Any]:
    """Write a representative."""
    return common("ProjectRepresentativeUser", row.id, row.created_at) | {
        "project": row.project_id,
        "user": row.user_id,
    }
