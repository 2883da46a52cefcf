/** Reads Server-Sent Events, as the HTML standard has them. */

export interface ReadEvent {
  readonly id: string
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: what it is, the test says
  readonly data: any
}

/** The events of an answer, as they come; ends with the answer. Breaking off cuts the connection. */
export async function* readEvents(response: Response): AsyncGenerator<ReadEvent> {
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => line.split(/: ?(.*)/s) as [string, string]))
      const data = fields.get('data')
      if (data !== undefined) {
        yield { id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(data) }
      }
    }
  }
}
