// Every page's script. Pages work without it; it only saves steps.

import "./css/tokens.css";
import "./css/base.css";
import "./css/frame.css";
import "./css/parts.css";
import "./css/fields.css";
import "./css/print.css";

import { dismissFlashes } from "./behaviours/flash.js";
import { focusSummary } from "./behaviours/focus.js";
import { followKeys } from "./behaviours/keys.js";
import { narrowPlaces } from "./behaviours/places.js";
import { chooseTheme } from "./behaviours/theme.js";
import { showAround } from "./behaviours/tour.js";
import { keepWhatIsTyped } from "./kept/start.js";

// Style sheets of single pages, and the forms' own script: picked up when they are there.
import.meta.glob(["./css/*.css", "!./css/{tokens,base,frame,parts,fields,print,diagram,replay,studio}.css"], { eager: true });
import.meta.glob("./forms.js", { eager: true });

chooseTheme(document);
dismissFlashes(document);
followKeys(document);
focusSummary(document);
narrowPlaces(document);
showAround(document);
keepWhatIsTyped(document);
