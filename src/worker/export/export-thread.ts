/** The thread that packs archives, one after the other. */

import { threadChannel } from '../runtime/worker-channel.ts'
import { hostWorker } from '../runtime/worker-host.ts'
import { createExportHandler } from './run-export.ts'

hostWorker(threadChannel(), ['export'], createExportHandler)
