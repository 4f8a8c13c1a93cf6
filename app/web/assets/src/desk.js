// The desk's own script: a gist beside the inbox, the outcome that fits the answers, the clock at today,
// several rows at once, and counts that stay right.

import { showPeek } from "./desk/peek.js";
import { followOutcomes } from "./desk/outcomes.js";
import { tickMany } from "./desk/many.js";
import { followPulse } from "./desk/pulse.js";
import { scrollToToday } from "./desk/clock.js";

showPeek(document);
followOutcomes(document);
scrollToToday(document);
tickMany(document);
followPulse(document);
