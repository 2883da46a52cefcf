/** The thread that packs archives, one at a time. */
import { hostLane } from '../lane-host.ts'
import { threadChannel } from '../runtime/worker-channel.ts'
import { createExportHandler } from './run-export.ts'

hostLane(threadChannel(), ['export'], createExportHandler)
