/**
 * Does something with each of many things, some of them at a time; each is begun in its turn.
 * @returns what came of them, in their order
 * @throws what the first one throws that fails; nothing is under way any more then, and the rest was not begun
 */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  atATime: number,
  work: (item: Item) => Promise<Result>
): Promise<Result[]> {
  const results: Result[] = []
  const turns = items.entries()
  let failure: { readonly error: unknown } | undefined
  const workers = Array.from({ length: Math.min(atATime, items.length) }, async () => {
    for (const [index, item] of turns) {
      try {
        results[index] = await work(item)
      } catch (error) {
        failure ??= { error }
      }
      if (failure !== undefined) return
    }
  })
  await Promise.all(workers)
  if (failure !== undefined) throw failure.error
  return results
}
