"""OME-TIFF: what the XML says reaches the hub, and parts of an image are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile

from adapters.formats.base import Limits, open_file
from store.errors import Invalid, TooLarge, Unsupported

XML = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/{schema}" {root}>
 <Instrument ID="Instrument:0">
  <Microscope Manufacturer="Zeiss" Model="LSM" Type="Inverted"/>
  <Detector ID="Detector:0:0" Gain="2.5"/>
  <Objective ID="Objective:0:0" Model="Plan-Apo" NominalMagnification="63" LensNA="1.4"/>
  <Objective ID="Objective:0:1" NominalMagnification="10"/>
 </Instrument>
 <Image ID="Image:0" Name="cells">
  <AcquisitionDate>2021-03-04T05:06:07</AcquisitionDate>
  <Description>two dyes</Description>
  <InstrumentRef ID="Instrument:0"/>
  <ObjectiveSettings ID="Objective:0:0" RefractiveIndex="1.518"/>
  <Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="20" SizeY="16" SizeZ="3"
   SizeC="2" SizeT="2" PhysicalSizeX="100" PhysicalSizeXUnit="nm" PhysicalSizeY="0.2"
   PhysicalSizeZ="1" PhysicalSizeZUnit="mm" TimeIncrement="500" TimeIncrementUnit="ms">
   <Channel ID="Channel:0:0" Name="DAPI" Color="-16776961" EmissionWavelength="0.46"
    EmissionWavelengthUnit="&#181;m" ExcitationWavelength="405" Fluor="DAPI"/>
   <Channel ID="Channel:0:1" Name="GFP" Color="16711935" PinholeSize="1.2"/>
   {data}
  </Pixels>
 </Image>
 <StructuredAnnotations>
  <MapAnnotation ID="Annotation:0"><Value><M K="strain">N2</M></Value></MapAnnotation>
  <XMLAnnotation ID="Annotation:1"><Value><OriginalMetadata><Key>Laser</Key><Value>488</Value>
  </OriginalMetadata></Value></XMLAnnotation>
  <CommentAnnotation ID="Annotation:2"><Value>seen</Value></CommentAnnotation>
 </StructuredAnnotations>
</OME>"""
SAMPLES = np.arange(2 * 2 * 3 * 16 * 20, dtype=np.uint16).reshape(2, 2, 3, 16, 20)


def _write(
    folder: Path,
    data: str = "<TiffData/>",
    root: str = "",
    schema: str = "2016-06",
    text: str = XML,
) -> Path:
    path = folder / "cells.ome.tif"
    xml = text.format(data=data, root=root, schema=schema)
    pages = SAMPLES.reshape(12, 16, 20)
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(pages, photometric="minisblack", description=xml.encode(), metadata=None)
    return path


@pytest.mark.parametrize("schema", ["2016-06", "2012-06"])
def test_the_xml_is_read_with_its_units(schema, tmp_path, open_one, assemble):
    source = open_one(_write(tmp_path, schema=schema))
    about = source.description
    assert (source.format, source.name) == ("OME-TIFF", "cells.ome.tif")
    np.testing.assert_array_equal(assemble(source), SAMPLES)
    assert (about.physical_size_x, about.physical_size_y) == (0.1, 0.2)
    assert (about.physical_size_z, about.time_increment) == (1000.0, 0.5)
    moment = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert about.acquired_at == int(moment.timestamp() * 1000)
    assert about.magnification == 63.0
    assert about.text == "two dyes"


def test_channels_instrument_and_annotations_are_read(tmp_path, open_one):
    about = open_one(_write(tmp_path)).description
    first, second = about.channels
    assert (first.name, first.color, first.fluor) == ("DAPI", "FF0000", "DAPI")
    assert (first.emission_nm, first.excitation_nm) == (460.0, 405.0)
    assert (second.color, second.extra["pinhole_size"]) == ("00FF00", "1.2")
    assert about.instrument["microscope"]["manufacturer"] == "Zeiss"
    assert about.instrument["objective"]["lens_na"] == "1.4"
    assert about.instrument["objective_settings"] == {"refractive_index": "1.518"}
    assert about.instrument["detector"] == [{"gain": "2.5"}]
    assert about.original["strain"] == "N2"
    assert about.original["Laser"] == "488"
    assert about.original["Annotation:2"] == "seen"


def test_the_time_increment_is_found_in_the_planes(tmp_path, open_one):
    planes = "".join(
        f'<Plane TheC="0" TheZ="0" TheT="{t}" DeltaT="{t * 250}" DeltaTUnit="ms"/>'
        for t in range(2)
    )
    text = XML.replace('TimeIncrement="500" TimeIncrementUnit="ms"', "")
    about = open_one(_write(tmp_path, "<TiffData/>" + planes, text=text)).description
    assert about.time_increment == 0.25


def test_several_images_in_a_file_are_several_sources(tmp_path, assemble):
    path = tmp_path / "two.ome.tif"
    first, second = np.full((3, 8, 9), 5, np.uint8), np.full((7, 6), 9, np.uint16)
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(first, photometric="minisblack", metadata={"axes": "ZYX", "Name": "a"})
        tiff.write(
            second,
            photometric="minisblack",
            metadata={"axes": "YX", "Name": "b", "PhysicalSizeX": 0.5},
        )
    one, two = open_file(path, name="two.ome.tif")
    assert (one.name, two.name) == ("two.ome.tif [a]", "two.ome.tif [b]")
    assert (one.series, two.series) == (0, 1)
    np.testing.assert_array_equal(assemble(one)[0, 0], first)
    np.testing.assert_array_equal(assemble(two)[0, 0, 0], second)
    assert (one.description.physical_size_x, two.description.physical_size_x) == (None, 0.5)


def test_rgb_samples_are_one_colour_image(tmp_path, open_one, assemble):
    samples = np.random.default_rng(0).integers(0, 255, (2, 12, 14, 3), dtype=np.uint8)
    path = tmp_path / "rgb.ome.tif"
    tifffile.imwrite(path, samples, ome=True, photometric="rgb", metadata={"axes": "ZYXS"})
    source = open_one(path)
    assert (source.layout.rgb, source.layout.shape) == (True, (1, 3, 2, 12, 14))
    assert source.description.channels == ()
    np.testing.assert_array_equal(assemble(source)[0], np.moveaxis(samples, -1, 0))


def test_a_file_that_was_renamed_is_found_by_its_uuid(tmp_path, open_one, assemble):
    data = (
        '<TiffData IFD="0" PlaneCount="12">'
        '<UUID FileName="as-it-was-called.ome.tif">urn:uuid:1</UUID></TiffData>'
    )
    path = _write(tmp_path, data, root='UUID="urn:uuid:1"')
    stored = path.rename(tmp_path / "0a1b2c3d")
    np.testing.assert_array_equal(assemble(open_one(stored, name="x.ome.tif")), SAMPLES)


def test_a_renamed_file_without_a_uuid_of_its_own_is_read(tmp_path, open_one, assemble):
    data = (
        '<TiffData IFD="0" PlaneCount="12">'
        '<UUID FileName="as-it-was-called.ome.tif">urn:uuid:1</UUID></TiffData>'
    )
    np.testing.assert_array_equal(assemble(open_one(_write(tmp_path, data))), SAMPLES)


@pytest.mark.parametrize(
    "uuids", [("urn:uuid:1", "urn:uuid:2"), ("urn:uuid:2", "urn:uuid:2")], ids=["both", "other"]
)
def test_an_image_in_several_files_is_refused(uuids, tmp_path):
    data = "".join(
        f'<TiffData IFD="0" FirstT="{t}" PlaneCount="6">'
        f'<UUID FileName="part{uuid[-1]}.ome.tif">{uuid}</UUID></TiffData>'
        for t, uuid in enumerate(uuids)
    )
    path = _write(tmp_path, data, root='UUID="urn:uuid:1"')
    with pytest.raises(Unsupported, match=r"several files.*part2\.ome\.tif"):
        open_file(path, name="cells.ome.tif")


def test_a_part_whose_description_lies_elsewhere_is_refused(tmp_path):
    text = '<OME xmlns="x"><BinaryOnly MetadataFile="a.companion.ome" UUID="u"/></OME>'
    path = _write(tmp_path, text=text)
    with pytest.raises(Unsupported, match="one part of a multi-file"):
        open_file(path, name="part.ome.tif")


def test_planes_that_are_missing_are_zero(tmp_path, open_one, assemble):
    path = _write(tmp_path, '<TiffData IFD="0" PlaneCount="3"/>')
    read = assemble(open_one(path))
    np.testing.assert_array_equal(read[0, 0], SAMPLES[0, 0])
    assert not read[1].any()
    assert not read[0, 1].any()


def test_entities_in_the_xml_are_refused(tmp_path):
    bomb = '<!DOCTYPE OME [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    text = XML.replace('<OME xmlns="http', bomb + '<OME xmlns="http')
    with pytest.raises(Invalid, match="document type"):
        open_file(_write(tmp_path, text=text), name="cells.ome.tif")


def test_xml_beyond_the_limit_is_refused(tmp_path):
    with pytest.raises(TooLarge, match="bytes"):
        open_file(_write(tmp_path), name="cells.ome.tif", limits=Limits(max_metadata_bytes=1000))


@pytest.mark.parametrize(
    ("data", "size_t"),
    [
        ("<TiffData/>", "1000000000"),
        ('<TiffData IFD="0" PlaneCount="1000000000"/>', "2"),
        ('<TiffData IFD="0" FirstT="1000000000"/>', "2"),
    ],
)
def test_counts_of_planes_that_no_file_has_are_refused(data, size_t, tmp_path):
    path = _write(tmp_path, data, text=XML.replace('SizeT="2"', f'SizeT="{size_t}"'))
    with pytest.raises(TooLarge, match="planes"):
        open_file(path, name="cells.ome.tif")


def test_axes_within_axes_stay_one_axis(tmp_path, open_one, assemble):
    modulo = (
        '<XMLAnnotation ID="Annotation:9" Namespace="openmicroscopy.org/omero/dimension/modulo">'
        '<Value><Modulo><ModuloAlongT Type="phase" Start="0" End="1e12" Step="1"/></Modulo>'
        "</Value></XMLAnnotation>"
    )
    text = XML.replace("<StructuredAnnotations>", "<StructuredAnnotations>" + modulo)
    text = text.replace("</Description>", '</Description><AnnotationRef ID="Annotation:9"/>')
    np.testing.assert_array_equal(assemble(open_one(_write(tmp_path, text=text))), SAMPLES)


def test_xml_that_cannot_be_parsed_leaves_a_plain_tiff(tmp_path, open_one, assemble):
    path = _write(tmp_path, text="<OME><Image></OME>")
    source = open_one(path)
    assert source.format == "TIFF"
    np.testing.assert_array_equal(assemble(source)[0, 0], SAMPLES.reshape(12, 16, 20))
