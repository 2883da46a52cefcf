/** What was asked for is not done; the message is a sentence for whoever asked. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** The system's code of an error, for a sentence. */
export function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
