/** A pool of threads that read files, each a portion at a time. */
import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import type { UnreadFile } from '../../store/scan/file-index.ts'
import { threadFile } from '../runtime/worker-runner.ts'
import readFiles, { type FileReadJob, type FileReadResult } from './file-reader-thread.ts'

export interface FileReaderPool {
  /** Reads all files of `pages`, and calls `onResults` for each portion, in no particular order. */
  readAll(
    root: string,
    pages: AsyncIterable<readonly UnreadFile[]>,
    onResults: (results: FileReadResult[], bytes: number) => Promise<void>
  ): Promise<void>
  close(): Promise<void>
}

/**
 * A portion is full with this many bytes or files: large enough to be worth a message, small enough to spread evenly.
 */
const PORTION_BYTES = 32 * 1024 * 1024
const PORTION_FILES = 200

/** The metadata of a few packages, as an import sends them: this thread reads it before another one has started. */
const FEW_BYTES = 256 * 1024
const FEW_FILES = 10

export function createFileReaderPool(threads = availableParallelism()): FileReaderPool {
  const pool = new Piscina<FileReadJob, FileReadResult[]>({
    filename: threadFile('file-reader-thread', import.meta),
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 1000,
    resourceLimits: { maxYoungGenerationSizeMb: 8 }
  })
  return {
    async readAll(root, pages, onResults) {
      const running = new Set<Promise<void>>()
      let failure: unknown
      for await (const portion of portionsOf(pages)) {
        const bytes = portion.reduce((sum, file) => sum + file.size, 0)
        // A first portion that is not full is the only one.
        const isAll = running.size === 0 && portion.length <= FEW_FILES && bytes <= FEW_BYTES
        const job = { root, files: portion }
        const run = (isAll ? readFiles(job) : pool.run(job))
          .then((results) => onResults(results, bytes))
          .catch((error) => {
            failure ??= error
          })
          .finally(() => running.delete(run))
        running.add(run)
        // One portion waits for each thread: no thread is ever idle, and the queue stays short.
        if (running.size >= 2 * threads) await Promise.race(running)
        if (failure !== undefined) break
      }
      await Promise.all(running)
      if (failure !== undefined) throw failure
    },
    close: () => pool.close({ force: true })
  }
}

async function* portionsOf(pages: AsyncIterable<readonly UnreadFile[]>): AsyncGenerator<UnreadFile[]> {
  let portion: UnreadFile[] = []
  let bytes = 0
  for await (const page of pages) {
    for (const file of page) {
      portion.push(file)
      bytes += file.size
      if (bytes >= PORTION_BYTES || portion.length >= PORTION_FILES) {
        yield portion
        portion = []
        bytes = 0
      }
    }
  }
  if (portion.length > 0) yield portion
}
