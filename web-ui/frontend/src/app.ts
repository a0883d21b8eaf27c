// The pages' script: wires the parts together. Each part does nothing where the page has no use for it.

import "htmx.org";
import { startCharts } from "./chart-group";
import { startDialogs } from "./dialogs";
import { startForms } from "./forms";
import { startHeader } from "./header";
import { startLive } from "./live";
import { startMoments } from "./moments";
import { startPanel } from "./panel";
import { startScenario } from "./scenario";
import { startShortcuts } from "./shortcuts";
import { startTable } from "./table";
import { startTabs } from "./tabs";
import { startTheme } from "./theme";

startTheme();
startMoments();
startForms();
startDialogs();
startTable();
startTabs();
startPanel();
startCharts();
startScenario();
startShortcuts();
startHeader();
startLive();
