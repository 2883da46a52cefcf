/** Threads that deflate side by side. */
import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import { type Sampled, type SamplingJob, type Segment, type SegmentJob, sampleFiles } from './deflating-thread.ts'
import { threadFile } from './thread-file.ts'

export interface DeflatingPool {
  /** How many jobs keep all threads busy. */
  readonly jobsAtATime: number
  sample(job: SamplingJob): Promise<Sampled[]>
  deflate(job: SegmentJob): Promise<Segment | undefined>
  close(): Promise<void>
}

/** The payloads of a package, as an import brings them: tried out before a thread would have started. */
const FEW_FILES = 4

/** Threads are there only while they have something to do. */
export function createDeflatingPool(threads = availableParallelism()): DeflatingPool {
  const pool = new Piscina({
    filename: threadFile('deflating-thread', import.meta),
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 1000,
    resourceLimits: { maxYoungGenerationSizeMb: 8 }
  })
  return {
    // One waits for each thread, so that none is ever idle.
    jobsAtATime: 2 * threads,
    async sample(job) {
      const isFew = job.files.length <= FEW_FILES && typeof job.root === 'string'
      return isFew ? sampleFiles(job) : pool.run(job, { name: 'sampleFiles' })
    },
    deflate: (job) => pool.run(job, { name: 'sendSegment' }),
    close: () => pool.close({ force: true })
  }
}
