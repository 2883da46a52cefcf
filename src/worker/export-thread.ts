/** The thread that packs archives, one at a time. */
import { createExportLane } from './export-lane.ts'
import { hostLane } from './lane-host.ts'
import { threadPort } from './lane-port.ts'

hostLane(threadPort(), ['export'], createExportLane)
