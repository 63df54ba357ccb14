"""What such clients call our nouns: class names, keys of answers, words in addresses.

A class name is taken with either package, in any case, or as a bare word. Both an image in a
project and an image in a storage mean the image; every kind of annotation means the region.
"""

from __future__ import annotations

from dataclasses import dataclass

from store.errors import Invalid


@dataclass(frozen=True, slots=True)
class Domain:
    """One class of the dialect.

    target: the plain word of our noun that metadata may be attached to; None takes none.
    """

    name: str
    package: str
    target: str | None = None
    processing: bool = False  # of the packages that only older servers had

    @property
    def java(self) -> str:
        """The class name that is written."""
        middle = "" if self.processing else "domain."
        return f"be.cytomine.{middle}{self.package}.{self.name}"

    @property
    def key(self) -> str:
        """The key of the object in the answer of a command."""
        annotation = self.name in ("UserAnnotation", "AlgoAnnotation", "RoiAnnotation")
        return "annotation" if annotation else self.name.lower()


_KNOWN = (
    Domain("Project", "project", "project"),
    Domain("ProjectDefaultLayer", "project"),
    Domain("ProjectRepresentativeUser", "project"),
    Domain("ImageInstance", "image", "image"),
    Domain("AbstractImage", "image", "image"),
    Domain("AbstractSlice", "image"),
    Domain("SliceInstance", "image"),
    Domain("UploadedFile", "image"),
    Domain("CompanionFile", "image"),
    Domain("NestedImageInstance", "image"),
    Domain("Storage", "image.server"),
    Domain("ImageGroup", "image.group"),
    Domain("ImageGroupImageInstance", "image.group"),
    Domain("UserAnnotation", "ontology", "roi"),
    Domain("AlgoAnnotation", "ontology", "roi"),
    Domain("ReviewedAnnotation", "ontology", "roi"),
    Domain("RoiAnnotation", "ontology", "roi"),
    Domain("Ontology", "ontology", "ontology"),
    Domain("Term", "ontology", "term"),
    Domain("Relation", "ontology"),
    Domain("RelationTerm", "ontology"),
    Domain("AnnotationTerm", "ontology"),
    Domain("AlgoAnnotationTerm", "ontology"),
    Domain("AnnotationTrack", "ontology"),
    Domain("AnnotationIndex", "ontology"),
    Domain("Track", "ontology", "track"),
    Domain("SharedAnnotation", "ontology"),
    Domain("AnnotationGroup", "ontology"),
    Domain("AnnotationLink", "ontology"),
    Domain("AnnotationFilter", "ontology"),
    Domain("Property", "meta"),
    Domain("AttachedFile", "meta"),
    Domain("Description", "meta"),
    Domain("Tag", "meta"),
    Domain("TagDomainAssociation", "meta"),
    Domain("Configuration", "meta"),
    Domain("User", "security"),
    Domain("UserJob", "security"),
    Domain("SecRole", "security"),
    Domain("SecUserSecRole", "security"),
    Domain("AnnotationAction", "social"),
    Domain("PersistentImageConsultation", "social"),
    Domain("PersistentProjectConnection", "social"),
    Domain("PersistentUserPosition", "social"),
    Domain("Software", "processing", "operation", processing=True),
    Domain("SoftwareParameter", "processing", processing=True),
    Domain("SoftwareProject", "processing", processing=True),
    Domain("Job", "processing", "job", processing=True),
    Domain("JobParameter", "processing", processing=True),
    Domain("JobTemplate", "processing", processing=True),
    Domain("ParameterConstraint", "processing", processing=True),
    Domain("SoftwareParameterConstraint", "processing", processing=True),
    Domain("JobData", "processing", processing=True),
    Domain("SoftwareUserRepository", "processing", processing=True),
    Domain("ProcessingServer", "processing", processing=True),
    Domain("ImageServer", "image.server", processing=True),
    Domain("Group", "security", processing=True),
    Domain("UserGroup", "security", processing=True),
    Domain("Discipline", "project", processing=True),
)
_BY_NAME = {one.name.lower(): one for one in _KNOWN} | {
    "annotation": next(one for one in _KNOWN if one.name == "UserAnnotation"),
    "annotationdomain": next(one for one in _KNOWN if one.name == "UserAnnotation"),
}


def domain(name: str) -> Domain:
    """Return the class of a name such as ``Term``. Raises KeyError for one that is not there."""
    return _BY_NAME[name.lower()]


def named(text: str) -> Domain:
    """Return the class that a client names in an address or a body. Raises Invalid."""
    found = _BY_NAME.get(text.strip().rpartition(".")[2].lower())
    if found is None:
        raise Invalid("domainClassName", f"{text[:80]} is not a known class.")
    return found
