// Lists that scroll and have nothing in them to stop at are reached by the keyboard themselves.
setInterval(() => {
  for (const list of document.querySelectorAll('.tall .q-table__middle:not([tabindex])')) {
    const scrolls = list.scrollHeight > list.clientHeight || list.scrollWidth > list.clientWidth;
    if (scrolls && !list.querySelector('a, button, input, [tabindex="0"]')) list.tabIndex = 0;
  }
}, 1000);
