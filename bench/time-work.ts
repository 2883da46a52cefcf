/**
 * Does what a measured process is there for, and says on its standard output how long that took. The start of Node is
 * not part of it: the server that does the same work runs already.
 */
export async function timeWork(work: () => Promise<object | undefined>): Promise<void> {
  const started = performance.now()
  const result = await work()
  const seconds = (performance.now() - started) / 1000
  process.stdout.write(JSON.stringify({ ...result, seconds }))
}
