"""What a text says and what it costs: the one door to the files of this folder.

`templates.py` fills in a person's values, `checks.py` looks at a text before it is kept, `sizes.py`
counts and cuts (`shifts.py`: the national tables), `swaps.py` proposes cheaper words
(`spelling.py`: how they are spelled), `audiences.py` counts over many people. Nothing here knows a
gateway or a clock.
"""

from ringdove.rules.gsm import decode_gsm as decode_gsm
from ringdove.rules.gsm import encode_gsm as encode_gsm
from ringdove.rules.texts.audiences import AudienceMeasure as AudienceMeasure
from ringdove.rules.texts.audiences import audience_parts as audience_parts
from ringdove.rules.texts.checks import check as check
from ringdove.rules.texts.checks import has_call as has_call
from ringdove.rules.texts.checks import has_way_out as has_way_out
from ringdove.rules.texts.checks import nearest as nearest
from ringdove.rules.texts.sizes import PART_UNITS_MAX as PART_UNITS_MAX
from ringdove.rules.texts.sizes import PARTS_MAX as PARTS_MAX
from ringdove.rules.texts.sizes import SINGLE_UNITS_MAX as SINGLE_UNITS_MAX
from ringdove.rules.texts.sizes import Encoding as Encoding
from ringdove.rules.texts.sizes import Measure as Measure
from ringdove.rules.texts.sizes import Piece as Piece
from ringdove.rules.texts.sizes import ShiftUnknown as ShiftUnknown
from ringdove.rules.texts.sizes import TextTooLong as TextTooLong
from ringdove.rules.texts.sizes import costly as costly
from ringdove.rules.texts.sizes import counters as counters
from ringdove.rules.texts.sizes import measure as measure
from ringdove.rules.texts.sizes import pieces as pieces
from ringdove.rules.texts.sizes import split as split
from ringdove.rules.texts.spelling import LOOK_ALIKES as LOOK_ALIKES
from ringdove.rules.texts.spelling import plain as plain
from ringdove.rules.texts.spelling import to_gsm as to_gsm
from ringdove.rules.texts.spelling import to_latin as to_latin
from ringdove.rules.texts.swaps import Swap as Swap
from ringdove.rules.texts.swaps import in_latin as in_latin
from ringdove.rules.texts.swaps import offers as offers
from ringdove.rules.texts.swaps import swaps as swaps
from ringdove.rules.texts.templates import KNOWN_VARIABLES as KNOWN_VARIABLES
from ringdove.rules.texts.templates import Form as Form
from ringdove.rules.texts.templates import TemplateBroken as TemplateBroken
from ringdove.rules.texts.templates import form_of as form_of
from ringdove.rules.texts.templates import is_calm as is_calm
from ringdove.rules.texts.templates import render as render
from ringdove.rules.texts.templates import variables as variables
