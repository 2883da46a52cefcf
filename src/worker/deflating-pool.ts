/** Threads that deflate side by side. */
import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import type { Sampled, SamplingJob, Segment, SegmentJob } from './deflating-thread.ts'
import { threadFile } from './thread-file.ts'

export interface DeflatingPool {
  /** How many jobs keep all threads busy. */
  readonly jobsAtATime: number
  sample(job: SamplingJob): Promise<Sampled[]>
  deflate(job: SegmentJob): Promise<Segment | undefined>
  close(): Promise<void>
}

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
    sample: (job) => pool.run(job, { name: 'sampleFiles' }),
    deflate: (job) => pool.run(job, { name: 'sendSegment' }),
    close: () => pool.close({ force: true })
  }
}
