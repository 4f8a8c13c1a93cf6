// The desk's own script: a gist beside the inbox, the outcome that fits the answers, the clock at today.

import { showPeek } from "./desk/peek.js";
import { followOutcomes } from "./desk/outcomes.js";
import { scrollToToday } from "./desk/clock.js";

showPeek(document);
followOutcomes(document);
scrollToToday(document);
