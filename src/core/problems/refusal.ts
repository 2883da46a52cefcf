/** The command was not carried out; the message is a sentence for its user. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
