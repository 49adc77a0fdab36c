import type { Experiment } from '../experiment.js'
import { linePlot } from '../line-plot.js'
import { control } from './control.js'
import { sweep } from './sweep.js'

/** Large messages over a long way, and small ones beside them where they fill it. */
export const slowLink: Experiment = {
  name: 'slow-link',
  async run(extent, progress) {
    const swept = await sweep(extent, progress)
    const controlled = await control(extent, progress)
    return {
      lines: [...swept.lines, '', ...controlled.lines],
      judgements: [],
      data: { sweep: swept.data, control: controlled.data },
      plot: linePlot('messages over a link with a long way', [...swept.panels, ...controlled.panels]),
    }
  },
}
