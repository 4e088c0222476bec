// Before each page: remembers what moved without anybody's doing.
(() => {
  window.comptoirShifts = [];
  const name = (node) => (node && node.nodeType === Node.ELEMENT_NODE ? node.localName + "." + node.className : String(node && node.nodeName));
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (!entry.hadRecentInput) window.comptoirShifts.push({ value: entry.value, moved: entry.sources.map((source) => name(source.node)) });
    }
  }).observe({ type: "layout-shift", buffered: true });
})();
