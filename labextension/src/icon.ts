/**
 * The panel's icon: a stack of bars, each as far as it got.
 */

import { LabIcon } from '@jupyterlab/ui-components';

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <rect x="3" y="4" width="18" height="4" rx="1"/>
    <rect x="3" y="10" width="12" height="4" rx="1"/>
    <rect x="3" y="16" width="7" height="4" rx="1"/>
    <rect x="16" y="10" width="5" height="4" rx="1" opacity=".4"/>
    <rect x="11" y="16" width="10" height="4" rx="1" opacity=".4"/>
  </g>
</svg>`;

export const icon = new LabIcon({ name: 'torc-nb:icon', svgstr: SVG });
