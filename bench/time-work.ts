/**
 * Runs the measured operation of a process, and prints its duration. The start of Node is not included: a server is
 * already running when it does the same.
 */
export async function timeWork(work: () => Promise<object | undefined>): Promise<void> {
  const started = performance.now()
  const result = await work()
  const seconds = (performance.now() - started) / 1000
  process.stdout.write(JSON.stringify({ ...result, seconds }))
}
