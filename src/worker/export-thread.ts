/** The thread that packs archives, one at a time. */
import { createExportLane } from './export-lane.ts'
import { hostLane } from './lane-host.ts'
import { threadChannel } from './runtime/worker-channel.ts'

hostLane(threadChannel(), ['export'], createExportLane)
