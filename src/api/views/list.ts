/** OpenAI's list envelope. */
export function listView<Item extends { readonly id: string }>(data: readonly Item[], hasMore = false) {
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}
