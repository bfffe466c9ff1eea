/** Calls `act` once, `wait_ms` after the last call; `flush` does it now, `cancel` never. */
export interface Debounced {
  (): void;
  flush(): void;
  cancel(): void;
}

export function debounce(act: () => void, wait_ms: number): Debounced {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const debounced = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      act();
    }, wait_ms);
  };
  const cancel = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  const flush = () => {
    if (timer === undefined) return;
    cancel();
    act();
  };
  return Object.assign(debounced, { flush, cancel });
}
