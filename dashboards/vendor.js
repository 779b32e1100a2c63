// Third-party JavaScript of the pages, bundled at build time (hatch_build.py) into static/vendor/.
// Only the charts that the pages draw: tree-shaking leaves the rest of ECharts out.
import * as core from "echarts/core";
import { BarChart, LineChart } from "echarts/charts";
import { BrushComponent, GridComponent, TooltipComponent } from "echarts/components";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";

core.use([BarChart, LineChart, BrushComponent, GridComponent, TooltipComponent, LabelLayout, CanvasRenderer, SVGRenderer]);
globalThis.echarts = { init: core.init, getInstanceByDom: core.getInstanceByDom };
