/**
 * The body of a thread that writes: file after file, what comes through the ring. With a thread of its own for it, the
 * next block is read and checked on another core meanwhile, and nothing is handed through an event loop for it.
 */
import fs from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { drainRing, type SharedBlocks } from './block-ring.ts'

/** A file that is to be written from a place on; the thread does not close it. */
export interface WritingJob {
  readonly fd: number
  readonly start: number
}

/** How it ended; the members of an error of the system that a message would lose. */
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
