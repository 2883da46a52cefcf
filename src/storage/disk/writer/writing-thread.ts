/**
 * The thread that writes the blocks of the ring, file after file. Another core reads and checks the next block
 * meanwhile, and no block passes through an event loop.
 */
import fs from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { drainRing, type SharedBlocks } from './block-ring.ts'

/** A file to write from an offset on; the thread does not close it. */
export interface WritingJob {
  readonly fd: number
  readonly start: number
}

/** The result of a job; contains the members of a system error that a posted message would lose. */
export interface WritingResult {
  readonly failure?: { readonly message: string; readonly code?: string; readonly syscall?: string }
}

parentPort?.on('message', ({ fd, start }: WritingJob) => {
  let position = start
  const failure = drainRing(workerData as SharedBlocks, (block) => {
    for (let done = 0; done < block.length; ) {
      const written = fs.writeSync(fd, block, done, block.length - done, position)
      done += written
      position += written
    }
  })
  const { message, code, syscall } = (failure ?? {}) as NodeJS.ErrnoException
  const result: WritingResult =
    failure === undefined
      ? {}
      : { failure: { message: message ?? String(failure), ...(code && { code }), ...(syscall && { syscall }) } }
  parentPort?.postMessage(result)
})
