/** The threads that write files for block writers. */
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { createSharedBlocks, type SharedBlocks } from './block-ring.ts'
import type { WritingJob, WritingResult } from './writing-thread.ts'

const THREAD_FILE = new URL(`./writing-thread${path.extname(import.meta.filename)}`, import.meta.url)
/** The thread has only a few variables. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }

export interface WritingThread {
  readonly worker: Worker
  readonly shared: SharedBlocks
}

/** Threads of finished writers, for the next ones: starting a thread takes as long as writing some megabytes. */
const idleThreads: WritingThread[] = []

/** An idle thread, or a new one. */
export function takeThread(): WritingThread {
  return idleThreads.pop() ?? startThread()
}

function startThread(): WritingThread {
  const shared = createSharedBlocks()
  const worker = new Worker(THREAD_FILE, { workerData: shared, resourceLimits: THREAD_LIMITS, execArgv: [] })
  worker.once('exit', () => {
    const index = idleThreads.findIndex((thread) => thread.worker === worker)
    if (index !== -1) idleThreads.splice(index, 1)
  })
  return { shared, worker }
}

/** Keeps the process alive only while it writes. @throws the system's error, or the error that ended the thread */
export async function writeInThread(thread: WritingThread, job: WritingJob): Promise<void> {
  const { worker } = thread
  const { promise, resolve, reject } = Promise.withResolvers<WritingResult>()
  const onExit = () => reject(new Error('The writing thread has ended'))
  worker.on('message', resolve).on('error', reject).on('exit', onExit)
  worker.ref()
  worker.postMessage(job)
  try {
    const { failure } = await promise
    idleThreads.push(thread)
    if (failure !== undefined) throw Object.assign(new Error(failure.message), failure)
  } finally {
    worker.off('message', resolve).off('error', reject).off('exit', onExit)
    worker.unref()
  }
}
