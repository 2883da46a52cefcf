/** What was asked for is not done; the message is a sentence for whoever asked. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
